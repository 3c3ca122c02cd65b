"""The command lines: help, one-line errors for bad input, and no files left behind."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import MISSING
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from PIL import Image

import fgmix
from fgmix import __main__ as commands
from fgmix.cli import evaluate, train
from fgmix.cli.main import run
from fgmix.config.fields import flags_of, option
from fgmix.config.recipes import RECIPES
from fgmix.config.train_config import TrainConfig
from fgmix.workflows import evaluate_run
from tests.trained_runs import CLASSES, TEST, draw_photos

ROOT = Path(__file__).parents[2]
SMALL = ["--backbone", "tiny", "--weights", "none", "--image-size", "32", "--epochs", "1"]


@pytest.fixture
def call(capsys):
    """Runs a command in this process; returns exit code, output lines and error lines."""

    def call(main, *argv):
        code = run(main, [str(arg) for arg in argv])
        out, err = capsys.readouterr()
        return code, out.splitlines(), err.splitlines()

    return call


@pytest.fixture
def refused(call, tmp_path):
    """Runs `train.py` with bad input and returns its one-line error."""

    def check(*argv, run_dir=tmp_path / "run"):
        given = [*SMALL, *argv] if "--dataset" in argv else argv
        code, _, err = call(train.main, *given, "--run-dir", run_dir)
        assert code == 2
        assert len(err) == 1, err
        assert err[0].startswith("error: ")
        assert not (tmp_path / "run").exists()
        return err[0]

    return check


def test_help_needs_no_tensorflow_and_shows_every_flag_with_its_default():
    script = (
        "import runpy, sys\n"
        "sys.argv = ['train.py', '--help']\n"
        "try:\n"
        "    runpy.run_path('train.py', run_name='__main__')\n"
        "finally:\n"
        "    heavy = {'tensorflow', 'keras', 'scipy', 'PIL', 'matplotlib'} & set(sys.modules)\n"
        "    print('heavy:', sorted(heavy))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.rstrip().endswith("heavy: []")
    squeezed = "".join(done.stdout.split())  # independent of line breaks
    for f in flags_of(TrainConfig):
        parts = [option(f.name), r"(VALUE|NAME|N|X)?", f.metadata["text"]]
        if isinstance(f.default, bool) and f.metadata["recorded"]:
            parts[1:2] = [f",{option(f.name).replace('--', '--no-', 1)}"]
        if f.default is MISSING:
            parts.append("(required)")
        elif not isinstance(f.default, bool):
            parts += [r"(:[\w,]+)?", f"(default: {f.metadata['shown'] or f.default})"]
        patterns = [p if p.endswith("?") else re.escape("".join(p.split())) for p in parts]
        assert re.search("".join(patterns), squeezed), f.name
    for recipe in RECIPES.values():
        assert str(recipe.backbone_lr) in squeezed


def test_flags_become_the_config_of_the_same_names(monkeypatch, call, tmp_path):
    import fgmix.workflows.train_and_evaluate

    seen = []

    def remember(config):
        seen.append(config)
        metrics = {"top1": 0.5, "top5": 1.0, "mean_per_class": 0.5, "loss": 1, "num_examples": 4}
        return fgmix.workflows.train_and_evaluate.TrainResult(tmp_path, metrics)

    monkeypatch.setattr(fgmix.workflows.train_and_evaluate, "train", remember)
    code, out, err = call(train.main, "--dataset", "cars")
    assert (code, err) == (0, [])
    assert seen.pop() == TrainConfig(dataset="cars")
    assert "top-1 50.0% (standard error 25.0%)" in out[0]
    assert str(tmp_path) in out[1]
    flags = {"data_dir": "d", "val_fraction": 0.25, "attention": "none", "epochs": 3}
    argv = [part for k, v in flags.items() for part in (f"--{k.replace('_', '-')}", str(v))]
    call(train.main, "--dataset", "cars", *argv, "--overwrite")
    assert seen.pop() == TrainConfig(dataset="cars", overwrite=True, **flags)


@pytest.mark.parametrize(
    ("argv", "parts"),
    [
        ([], ["--dataset is missing", "cars", "demo"]),
        (["--datset", "cars"], ["unknown argument --datset", "did you mean --dataset?"]),
        (["--dataset", "cars", "--frobnicate"], ["unknown argument --frobnicate"]),
        (["--dataset", "cars", "stray"], ["unknown argument stray"]),
        (["--dataset", "cars", "--attention", "mixd"], ["--attention mixd", "none, channel"]),
        (["--dataset", "cars", "--epochs", "0"], ["--epochs 0", "at least 1"]),
        (["--dataset", "cars", "--epochs", "many"], ["--epochs", "'many'"]),
        (["--dataset", "cars", "--epochs"], ["--epochs", "expected one argument"]),
        (["--dataset", "cars", "--head-lr", "nan"], ["--head-lr nan", "at least 0"]),
        (["--dataset", "cars", "--att", "none"], ["unknown argument --att"]),
        (["--dataset", "no-such-thing"], ["no data set 'no-such-thing'", "cars, demo", "folder"]),
    ],
)
def test_a_wrong_flag_or_value_is_one_line(refused, argv, parts):
    message = refused(*argv)
    assert all(part in message for part in parts), message


def test_a_missing_data_folder_is_one_line(refused, tmp_path):
    assert str(tmp_path / "missing") in refused("--dataset", tmp_path / "missing")
    assert str(tmp_path / "missing") in refused(
        "--dataset", "cars", "--data-dir", tmp_path / "missing"
    )


def test_an_empty_data_folder_is_one_line(refused, tmp_path):
    (tmp_path / "empty").mkdir()
    message = refused("--dataset", tmp_path / "empty")
    assert str(tmp_path / "empty") in message
    assert "class folder" in message


def test_a_class_without_photos_is_one_line(refused, tmp_path):
    folder = draw_photos(tmp_path / "photos", {"train": 2, "test": 1})
    shutil.rmtree(folder / "train" / "green")
    (folder / "train" / "green").mkdir()
    assert str(folder / "train" / "green") in refused("--dataset", folder)


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("train/red/two\rlines.png", "its name has a line break"),
        ("train/Red/photo.png", "'Red' and 'red', which differ only in upper and lower case"),
        ("test/violet/photo.png", "has class(es) that train lacks: violet"),
    ],
)
def test_names_and_layout_are_checked_before_tensorflow_is_imported(
    refused, photos, tmp_path, monkeypatch, name, part
):
    monkeypatch.setattr(train, "import_tensorflow", lambda **_: pytest.fail("too late"))
    folder = shutil.copytree(photos, tmp_path / "photos")
    (folder / name).parent.mkdir(exist_ok=True)
    shutil.copy(photos / "test" / "red" / "photo0.png", folder / name)
    assert part in refused("--dataset", folder)


def test_a_class_too_small_for_validation_is_one_line(refused, tmp_path):
    folder = draw_photos(tmp_path / "photos", {"train": 2, "test": 1})
    (folder / "train" / "green" / "photo1.jpg").unlink()
    message = refused("--dataset", folder, "--val-fraction", 0.2)
    assert "'green' has 1 training image" in message
    assert "validation" in message


@pytest.mark.slow
@pytest.mark.parametrize("split", ["train", "test"])
def test_a_file_that_is_no_image_is_named_before_training(refused, tmp_path, split):
    folder = draw_photos(tmp_path / "photos", {"train": 2, "test": 1})
    (folder / split / "red" / "notes.jpg").write_text("no photo")
    assert str(folder / split / "red" / "notes.jpg") in refused("--dataset", folder)


def test_a_photo_that_the_annotations_name_but_nobody_has_is_one_line(refused, tmp_path):
    for part, source in [
        ("train", "cars_train_annos.mat"),
        ("test", "cars_test_annos_withlabels.mat"),
    ]:
        (tmp_path / f"cars_{part}").mkdir()
        (tmp_path / "devkit").mkdir(exist_ok=True)
        rows = [(1, "00001.jpg"), (2, "00002.jpg")]
        for _, name in rows:
            Image.new("RGB", (32, 32)).save(tmp_path / f"cars_{part}" / name)
        rows = np.array(rows, [("class", "O"), ("fname", "O")])
        scipy.io.savemat(tmp_path / "devkit" / source, {"annotations": rows})
    names = np.array(["Alfa", "Škoda"], object)
    scipy.io.savemat(tmp_path / "devkit" / "cars_meta.mat", {"class_names": names})
    (tmp_path / "cars_test" / "00002.jpg").unlink()
    message = refused("--dataset", "cars", "--data-dir", tmp_path)
    assert "cars_test/00002.jpg" in message
    assert "cars_test_annos_withlabels.mat" in message


@pytest.mark.slow
def test_weights_that_do_not_fit_are_one_line(refused, photos, tmp_path):
    import keras

    inputs = keras.Input((32, 32, 3))
    keras.Model(inputs, keras.layers.Conv2D(7, 3)(inputs)).save_weights(tmp_path / "o.weights.h5")
    message = refused("--dataset", photos, "--weights", tmp_path / "o.weights.h5")
    assert str(tmp_path / "o.weights.h5") in message
    assert "tiny" in message
    assert "--weights" in message
    (tmp_path / "damaged.weights.h5").write_bytes(b"x")
    message = refused("--dataset", photos, "--weights", tmp_path / "damaged.weights.h5")
    assert str(tmp_path / "damaged.weights.h5") in message
    message = refused("--dataset", photos, "--weights", tmp_path / "missing.weights.h5")
    assert str(tmp_path / "missing.weights.h5") in message


def test_a_backbone_without_imagenet_weights_is_one_line(refused, photos):
    message = refused("--dataset", photos, "--weights", "imagenet")
    assert "tiny has no ImageNet weights" in message
    assert "--weights none" in message


def test_an_image_too_small_for_the_backbone_is_one_line(refused, photos):
    message = refused("--dataset", photos, "--backbone", "vgg16", "--image-size", 16)
    assert "16" in message
    assert "vgg16" in message
    assert "--image-size 32 or more" in message


@pytest.mark.slow
def test_a_run_that_is_there_is_not_touched(refused, photos, finished):
    before = {p: p.stat().st_mtime_ns for p in finished.rglob("*")}
    message = refused("--dataset", photos, run_dir=finished)
    assert all(part in message for part in (str(finished), "--overwrite", "--resume"))
    assert "finished" in refused("--dataset", photos, "--resume", run_dir=finished)
    assert before == {p: p.stat().st_mtime_ns for p in finished.rglob("*")}


def test_overwrite_spares_what_is_no_run(refused, photos, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.txt").write_text("years")
    message = refused("--dataset", photos, "--overwrite", run_dir=tmp_path / "thesis")
    assert "not a run" in message
    assert (tmp_path / "thesis" / "chapter1.txt").read_text() == "years"


def test_nothing_to_resume_is_one_line(refused, photos):
    assert "nothing to resume" in refused("--dataset", photos, "--resume")


def test_a_run_folder_that_cannot_be_made_is_one_line(refused, photos, tmp_path):
    (tmp_path / "file").write_text("x")
    assert str(tmp_path / "file") in refused("--dataset", photos, run_dir=tmp_path / "file" / "run")


@pytest.mark.slow
def test_evaluate_prints_and_writes_the_metrics(call, finished, tmp_path):
    code, out, err = call(evaluate.main, "--model", finished, "--json", tmp_path / "metrics.json")
    assert (code, err) == (0, [])
    written = json.loads((tmp_path / "metrics.json").read_text())
    assert {"top1", "top5", "mean_per_class", "loss", "num_examples"} <= set(written)
    recorded = json.loads((finished / "metrics.json").read_text())
    assert written["per_class"] == recorded["per_class"]
    assert written["loss"] == pytest.approx(recorded["loss"], abs=1e-5)
    assert any(f"top-1 {written['top1']:.1%}" in line for line in out)
    assert any(f"{TEST * len(CLASSES)} test photos" in line for line in out)


@pytest.mark.slow
def test_evaluate_draws_heat_maps_into_the_run(call, finished, tmp_path):
    shutil.copytree(finished, tmp_path / "run")
    code, out, err = call(evaluate.main, "--model", tmp_path / "run", "--heatmaps", 2)
    assert (code, err) == (0, [])
    assert any(str(tmp_path / "run" / "heatmaps.png") in line for line in out)
    with Image.open(tmp_path / "run" / "heatmaps.png") as picture:
        assert picture.width > 400
    assert not list((tmp_path / "run").glob(".*"))


@pytest.mark.slow
def test_evaluate_takes_other_photos_and_splits(call, finished, tmp_path):
    other = draw_photos(tmp_path / "other", {"train": 1, "test": 2}, ("red", "blue"))
    for split, count in [("test", 4), ("train", 2)]:
        target = tmp_path / f"{split}.json"
        code, _, err = call(
            *(evaluate.main, "--model", finished, "--dataset", other),
            *("--split", split, "--json", target),
        )
        assert (code, err) == (0, [])
        metrics = json.loads(target.read_text())
        assert metrics["num_examples"] == count
        assert set(metrics["per_class"]) == {"red", "blue"}


def evaluate_refused(call, *argv):
    code, _, err = call(evaluate.main, *argv)
    assert code == 2
    assert len(err) == 1, err
    assert err[0].startswith("error: ")
    return err[0]


def test_evaluate_says_what_is_wrong_in_one_line(call, finished, tmp_path):
    model = ("--model", finished)
    message = evaluate_refused(call, *model, "--split", "dev")
    assert "'dev'" in message
    assert "train, test" in message
    assert "--model" in evaluate_refused(call)
    assert str(tmp_path / "x") in evaluate_refused(call, "--model", tmp_path / "x")
    assert "not a run" in evaluate_refused(call, "--model", tmp_path)
    assert "--heatmaps -1" in evaluate_refused(call, *model, "--heatmaps", "-1")
    assert "did you mean --heatmaps?" in evaluate_refused(call, *model, "--heatmap", "3")
    strangers = draw_photos(tmp_path / "boats", {"train": 1, "test": 1}, ("yacht", "tram"))
    assert "'yacht'" in evaluate_refused(call, *model, "--dataset", strangers)


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("red/two\rlines.png", "its name has a line break"),
        ("yacht/photo.png", "1 of the 1 classes of other are not among the model's 3: 'yacht'"),
    ],
)
def test_evaluate_checks_other_photos_before_tensorflow_is_imported(
    call, finished, photos, tmp_path, monkeypatch, name, part
):
    monkeypatch.setattr(evaluate_run, "import_tensorflow", lambda: pytest.fail("too late"))
    target = tmp_path / "other" / name
    target.parent.mkdir(parents=True)
    shutil.copy(photos / "test" / "red" / "photo0.png", target)
    argv = ("--model", finished, "--dataset", tmp_path / "other", "--split", "all")
    assert part in evaluate_refused(call, *argv)


def test_evaluate_cannot_write_where_nothing_is(call, finished, tmp_path):
    target = tmp_path / "missing" / "metrics.json"
    assert str(target) in evaluate_refused(call, "--model", finished, "--json", target)


def test_no_command_teaches_the_commands(call):
    code, out, err = call(commands.main)
    assert (code, err) == (2, [])
    assert out[0] == "usage: fgmix COMMAND ..."
    for name in commands.COMMANDS:
        assert any(line.split()[:1] == [name] for line in out)
    examples = out[out.index("examples:") + 1 :][:3]
    assert [line.split()[1] for line in examples] == ["train", "train", "predict"]
    for flag in ("--help", "-h", "help"):
        assert call(commands.main, flag) == (0, out, [])


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("predcit", "unknown command 'predcit': did you mean predict?"),
        ("eval", "unknown command 'eval': did you mean evaluate?"),
        ("xyzzy", f"unknown command 'xyzzy': choose one of {', '.join(commands.COMMANDS)}"),
        ("--dataset", "--dataset comes after a command, such as fgmix train --dataset ..."),
    ],
)
def test_a_misspelt_command_suggests_the_nearest(call, given, hint):
    code, out, err = call(commands.main, given, "demo")
    assert (code, out, len(err)) == (2, [], 1)
    assert err[0].startswith(f"error: {hint}")


def test_the_version_is_in_one_place(call):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "version" in project["project"]["dynamic"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "fgmix.__version__"}
    assert call(commands.main, "--version") == (0, [f"fgmix {fgmix.__version__}"], [])


def test_the_installed_command_is_python_m_fgmix():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["scripts"] == {"fgmix": "fgmix.__main__:start"}
    assert callable(commands.start)


@pytest.mark.parametrize("name", commands.COMMANDS)
def test_help_names_commands_that_there_are(name):
    text = import_module(commands.COMMANDS[name].module).make_parser().format_help()
    assert text.startswith(f"usage: fgmix {name} ")
    assert set(re.findall(r"\bfgmix ([a-z]+)\b", text)) <= commands.COMMANDS.keys()
    assert not re.search(r"python -m fgmix|(train|evaluate)\.py", text)


@pytest.mark.parametrize("name", ["predict", "evaluate", "export", "heatmaps", "app"])
def test_no_run_given_says_what_to_train(call, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    code, _, err = call(commands.main, name)
    assert (code, len(err)) == (2, 1)
    assert err[0].startswith(
        "error: --model is missing: train a run first, such as fgmix train --dataset photos/"
    )


@pytest.mark.parametrize("argv", [["train.py", "--help"], ["-m", "fgmix"], ["-c", "import fgmix"]])
def test_a_python_that_is_too_old_is_one_line(tmp_path, argv):
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.version_info = (3, 8, 10)\n")
    done = subprocess.run(
        [sys.executable, *argv],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: fgmix needs Python 3.11 or newer, and this is Python 3.8: make an environment with "
        "a newer one, such as python3.12 -m venv .venv\n"
    )


@pytest.mark.parametrize("file", ["train.py", "evaluate.py", "fgmix/__init__.py"])
def test_what_tells_it_can_be_read_by_an_older_python(file):
    ast.parse((ROOT / file).read_text(), feature_version=(3, 7))


@pytest.mark.parametrize("broken", ["scipy", "PIL"])
def test_a_missing_package_is_one_line(monkeypatch, capsys, broken):
    def command(argv):
        raise ModuleNotFoundError(f"No module named '{broken}.x'", name=f"{broken}.x")

    assert run(command, []) == 2
    assert capsys.readouterr().err == (
        f"error: {broken}.x can't be imported (No module named '{broken}.x'): install what fgmix "
        f"needs again with pip install --force-reinstall {broken}\n"
    )


def test_a_fault_of_our_own_imports_is_not_hidden():
    def command(argv):
        raise ImportError("cannot import name 'x'", name="fgmix.data")

    with pytest.raises(ImportError, match="cannot import name 'x'"):
        run(command, [])


@pytest.mark.slow
def test_predict_as_a_process_prints_json_and_nothing_else(finished, photos):
    done = subprocess.run(
        [sys.executable, "-m", "fgmix", "predict", "--model", finished, photos / "test" / "red"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    files = sorted((photos / "test" / "red").iterdir())
    assert [a["path"] for a in answers] == [str(path) for path in files]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_a_console_that_can_not_show_a_name_ends_no_command(encoding):
    code = (
        "import sys\n"
        "from fgmix.cli.main import run\n"
        "def show(argv):\n    print('class \u6b66\u85cf')\n    return 0\n"
        "sys.exit(run(show, []))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, "class \\u6b66\\u85cf\n")
