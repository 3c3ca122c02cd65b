"""The export in other programs: TensorFlow's command line, and C++ without Python."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

pytestmark = [pytest.mark.peers, pytest.mark.slow]

SOURCE = Path(__file__).parent / "cpp" / "serve.cc"
COMPILER = os.environ.get("CXX", "c++")
QUIET = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}


@pytest.fixture(scope="module")
def files(every_type, tmp_path_factory):
    """A photo of every file type, and one file that is not an image."""
    none = tmp_path_factory.mktemp("none") / "none.jpg"
    none.write_text("no photo")
    return [*sorted(every_type.iterdir()), none]


@pytest.fixture(scope="module")
def expected(finished, files):
    """The predictions of TensorFlow in this process."""
    signature = tf.saved_model.load(finished / "1").signatures["serving_default"]
    answers = signature(image_bytes=tf.constant([path.read_bytes() for path in files]))
    return {name: value.numpy() for name, value in answers.items()}


def saved_model_cli(*argv):
    """Runs TensorFlow's own command, as the package's entry point does."""
    code = "from tensorflow.python.tools.saved_model_cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, argv)],
        env=QUIET,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_saved_model_cli_shows_the_signatures(finished):
    shown = saved_model_cli("show", "--dir", finished / "1", "--all")
    default = shown.split("signature_def['serving_default']:")[1].split("signature_def[")[0]
    assert "inputs['image_bytes'] tensor_info:\n        dtype: DT_STRING\n" in default
    for name in ("probabilities", "top_probabilities", "top_labels", "valid"):
        assert f"outputs['{name}']" in default
    assert "signature_def['serving_tensor']:" in shown


def test_saved_model_cli_runs_the_model(finished, files, expected, tmp_path):
    # NumPy's strings lose trailing zeros, with which files of some types end.
    kept = [i for i, path in enumerate(files) if not path.read_bytes().endswith(b"\0")]
    np.save(tmp_path / "photos.npy", np.array([files[i].read_bytes() for i in kept]))
    saved_model_cli(
        *("run", "--dir", finished / "1", "--tag_set", "serve"),
        *("--signature_def", "serving_default", "--outdir", tmp_path),
        *("--inputs", f"image_bytes={tmp_path / 'photos.npy'}"),
    )
    assert len(kept) > 20
    np.testing.assert_array_equal(np.load(tmp_path / "valid.npy"), expected["valid"][kept])
    np.testing.assert_allclose(
        np.load(tmp_path / "probabilities.npy"), expected["probabilities"][kept], atol=1e-6
    )


@pytest.fixture(scope="module")
def serve(tmp_path_factory):
    """The C++ program, compiled against TensorFlow's package."""
    if not shutil.which(COMPILER):
        pytest.skip(f"no C++ compiler: {COMPILER} is not installed")
    folder = Path(tf.sysconfig.get_lib())
    program = tmp_path_factory.mktemp("cpp") / "serve"
    libraries = ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"]
    subprocess.run(
        [
            *(COMPILER, str(SOURCE), "-o", str(program), "-w", *tf.sysconfig.get_compile_flags()),
            "-DNDEBUG",  # as TensorFlow was built: its headers' classes differ otherwise
            "-Wl,--no-as-needed",  # the operations register themselves from the libraries
            *(f"-L{folder}", f"-Wl,-rpath,{folder}", *(f"-l:{name}" for name in libraries)),
        ],
        check=True,
    )
    return program


@pytest.mark.skipif(sys.platform != "linux", reason="links as Linux does")
def test_a_program_in_c_plus_plus_answers_as_python_does(serve, finished, files, expected):
    done = subprocess.run(
        [serve, finished / "1", *files], env=QUIET, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert [row[0] == "1" for row in rows] == expected["valid"].tolist()
    assert [row[1].encode() for row in rows] == expected["top_labels"][:, 0].tolist()
    probabilities = np.array([row[2:] for row in rows], "float32")
    assert np.abs(probabilities - expected["probabilities"]).max() <= 1e-6
