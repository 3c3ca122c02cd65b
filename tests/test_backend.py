"""A missing or broken TensorFlow is one line with the remedy."""

import os
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest

from fgmix import backend

ROOT = Path(__file__).parents[1]
WANTED = next(line for line in requires("fgmix") if re.match("tensorflow[<>]", line))
NATIVE = (
    "Traceback (most recent call last):\n"
    '  File "pywrap_tensorflow.py", line 73, in <module>\n'
    "ImportError: libcudart.so: cannot open shared object file\n\n\n"
    "Failed to load the native TensorFlow runtime.\n"
)


def train_with(package, content, folder):
    """Starts a training where the package is the given code, or is missing with None."""
    if content is None:
        blocked = f"import sys; sys.modules[{package!r}] = None\n"
        (folder / "sitecustomize.py").write_text(blocked)
    else:
        (folder / f"{package}.py").write_text(content)
    return subprocess.run(
        [sys.executable, "-m", "fgmix", "train", "--dataset", "demo", "--run-dir", folder / "run"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("package", "content", "message"),
    [
        ("tensorflow", None, f"tensorflow is not installed: pip install '{WANTED}'"),
        (
            "tensorflow",
            f"raise ImportError({NATIVE!r})",
            "tensorflow is installed and can't be loaded (libcudart.so: cannot open shared object "
            f"file): install it again with pip install --force-reinstall '{WANTED}'",
        ),
        (
            "tensorflow",
            "raise AttributeError('_ARRAY_API not found')",
            "tensorflow is installed and can't be loaded (_ARRAY_API not found): install it again "
            f"with pip install --force-reinstall '{WANTED}'",
        ),
        (
            "tensorflow",
            "import wrapt_of_nobody",
            "tensorflow needs the package wrapt_of_nobody: pip install wrapt_of_nobody",
        ),
    ],
)
def test_tensorflow_that_is_missing_or_broken_is_one_line(tmp_path, package, content, message):
    done = train_with(package, content, tmp_path)
    assert done.returncode == 2
    assert done.stderr == f"error: {message}\n"
    assert not (tmp_path / "run").exists()


def test_keras_on_another_backend_is_told_before_it_fails():
    code = (
        "import sys, types\n"
        "from fgmix.backend import import_tensorflow\n"
        "keras = types.ModuleType('keras')\n"
        "keras.backend = types.SimpleNamespace(backend=lambda: 'jax')\n"
        "sys.modules |= {'keras': keras, 'tensorflow': types.ModuleType('tensorflow')}\n"
        "import_tensorflow(any_backend=True)\n"
        "import_tensorflow()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == (
        "fgmix.errors.FgmixError: Keras runs on jax in this process, and this needs TensorFlow: "
        "start Python anew with KERAS_BACKEND=tensorflow"
    )


def test_tensorflow_has_its_version_under_another_package(monkeypatch):
    def version(package):
        if package != "tensorflow-cpu":
            raise PackageNotFoundError(package)
        return "2.99"

    monkeypatch.setattr(backend, "version", version)
    assert backend.library_version("tensorflow") == "2.99"
    with pytest.raises(PackageNotFoundError, match="keras"):
        backend.library_version("keras")
