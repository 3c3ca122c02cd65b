"""The wheel, installed elsewhere, works without the repository."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

import fgmix

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow

SMALL = ["--recipe", "paper", "--shots", "2", "--epochs", "1", "--image-size", "32"]
COMMANDS = """
import sys
from fgmix.__main__ import main

for argv in (
    ["evaluate", "--model", "run", "--json", "metrics.json", "--heatmaps", "1"],
    ["predict", "--model", "run", sys.argv[1], "--output", "answers.jsonl"],
    ["export", "--model", "run", "--output", "model"],
    ["report", "run", "--output", "report.html", "--heatmaps", "1"],
):
    assert main(argv) == 0, argv
import fgmix
print(fgmix.open_run("run")._repr_html_().startswith("<table"), fgmix.__file__)
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder of the source distribution and the wheel, built from a copy of the repository."""
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "requirements.txt", "README.md", "LICENSE", "MANIFEST.in"):
        shutil.copy(ROOT / name, source / name)
    for name in ("fgmix", "tests", ".ci"):
        unwanted = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, source / name, ignore=unwanted)
    dist = tmp_path_factory.mktemp("dist")
    command = [sys.executable, ".ci/build_wheel.py", str(dist)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return dist


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory):
    """The programs of an environment with the wheel and, beside it, the libraries of this one."""
    environment = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    [own] = environment.glob("lib/python*/site-packages")
    # Only what is in this folder itself: nothing adds the repository, as its own .pth file does.
    (own / "libraries.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    [wheel] = built.glob("*.whl")
    pip = [sys.executable, "-m", "pip", "--python", environment / "bin" / "python", "install"]
    subprocess.run([*pip, "--quiet", "--no-deps", "--no-index", wheel], check=True)
    return environment / "bin"


def call(program, *argv, cwd):
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    command = [str(part) for part in (program, *argv)]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_holds_the_package_and_its_data_alone(built):
    [wheel] = built.glob("*.whl")
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    tracked = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "fgmix").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert packed == tracked
    assert "fgmix/py.typed" in packed
    information = f"fgmix-{fgmix.__version__}.dist-info"
    with zipfile.ZipFile(wheel) as file:
        assert file.read(f"{information}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
        metadata = file.read(f"{information}/METADATA").decode()
    assert f"\nVersion: {fgmix.__version__}\n" in metadata
    assert "\nRequires-Python: >=3.11\n" in metadata
    assert "\nRequires-Dist: tensorflow<" in metadata


def test_the_installed_command_works_in_another_folder(installed, tmp_path):
    fgmix_command = installed / "fgmix"
    assert call(fgmix_command, "--version", cwd=tmp_path) == f"fgmix {fgmix.__version__}\n"
    told = call(
        fgmix_command, "train", "--dataset", "demo", *SMALL, "--run-dir", "run", cwd=tmp_path
    )
    assert "run: run (serve it: model_base_path=" in told

    [photos] = Path(os.environ["TFDS_DATA_DIR"]).glob("fgmix/demo-*/test/t-tail")
    told = call(installed / "python", "-c", COMMANDS, photos, cwd=tmp_path)
    assert told.splitlines()[-1].startswith(f"True {installed.parent}/lib/")
    metrics = [json.loads((tmp_path / f).read_text()) for f in ("metrics.json", "run/metrics.json")]
    assert metrics[0] == metrics[1]
    answers = [json.loads(line) for line in (tmp_path / "answers.jsonl").read_text().splitlines()]
    assert {Path(answer["path"]) for answer in answers} == set(photos.iterdir())
    assert (tmp_path / "model" / "1" / "saved_model.pb").is_file()
    page = (tmp_path / "report.html").read_text()
    assert "fgmix predict --model run photo.jpg" in page
    assert "data:image/webp" in page
