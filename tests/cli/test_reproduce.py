"""`fgmix reproduce` from the command line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fgmix.__main__ import main
from fgmix.cli.main import run

ROOT = Path(__file__).parents[2]


@pytest.fixture
def reproduce(tmp_path, monkeypatch, capsys):
    """Runs the command in this process and an empty folder; returns code, output and errors."""
    monkeypatch.chdir(tmp_path)

    def reproduce(*arguments):
        code = run(main, ["reproduce", *map(str, arguments)])
        return code, *capsys.readouterr()

    return reproduce


def small(photos):
    return (
        *("--dataset", photos, "--backbones", "tiny", "--weights", "none", "--seeds", 1),
        *("--attentions", "none,mixed", "--image-size", 32, "--epochs", 1, "--batch-size", 8),
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--dataset is missing"),
        (["--dataset", "cars,aircraft", "--data-dir", "x"], "--data-dir is for one data set"),
        (["--dataset", "cars", "--seeds", "0"], "--seeds 0: must be at least 1"),
        (["--dataset", "cars", "--weights", "none,imagenet"], "one value for all"),
        (["--dataset", "cars", "--weights", "vgg16=none,vgg16=imagenet"], "give vgg16 one value"),
        (["--dataset", "cars", "--weights", "vgg16="], "give vgg16 one value"),
        (["--dataset", "cars", "--folds", "3"], "unknown argument --folds"),
        (["--dataset", "crs"], "no data set 'crs'"),
        (["--dataset", "cars", "--weights", "vgg=none"], "--weights vgg: choose from vgg16_bn"),
        (["--dataset", "cars", "--epochs", "0"], "--epochs 0: must be at least 1"),
        (["--dataset", "cars", "--seed", "1"], "unknown argument --seed: did you mean --seeds?"),
        (["--dataset", "cars", "--backbones", "vgg"], "--backbones vgg: choose from vgg16"),
    ],
)
def test_bad_input_is_one_line(reproduce, tmp_path, arguments, message):
    code, _, error = reproduce(*arguments)
    assert code == 2
    assert message in error
    assert len(error.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_dry_run_shows_the_plan_and_writes_nothing(reproduce, photos, tmp_path):
    code, out, error = reproduce(*small(photos), "--dry-run")
    assert code == 0, error
    assert "2 cells: 2 not run" in out
    assert "not run  0 of 1 epochs  photos, tiny, mixed, gate linear, seed 0" in out
    assert not list(tmp_path.iterdir())


def test_the_grid_passes_small_sample_protocols_on(reproduce, photos):
    code, out, error = reproduce(*small(photos), "--shots", 5, "--dry-run")
    assert code == 0, error
    assert "2 cells: 2 not run" in out


def command(*arguments):
    """Runs the command in a process of its own, whose children train."""
    return subprocess.run(
        [*(sys.executable, "-m", "fgmix", "reproduce"), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=600,
    )


@pytest.mark.slow
def test_a_grid_is_trained_its_results_written_and_not_trained_again(reproduce, photos, tmp_path):
    done = command("--monitor-test", *small(photos))
    assert done.returncode == 0, done.stderr
    assert "[2 of 2] photos, tiny, mixed, gate linear, seed 0" in done.stdout
    assert "| MA-Ours | – | " in done.stdout
    [results] = (tmp_path / "saved_models").glob("reproduce-photos-tiny-none_mixed-*")
    assert "| Baseline | – | " in (results / "table2.md").read_text()
    assert {path.name for path in results.glob("*.png")} == {"table2.png", "fig2-photos-tiny.png"}
    before = sorted(path.stat().st_mtime for path in tmp_path.rglob("metrics.json"))
    code, out, _ = reproduce(*small(photos))
    assert code == 0
    assert "2 cells: 2 finished" in out
    assert sorted(path.stat().st_mtime for path in tmp_path.rglob("metrics.json")) == before
    side_by_side = command("--monitor-test", *small(photos), "--runs", "beside", "--jobs", 2)
    assert side_by_side.returncode == 0, side_by_side.stderr
    assert "2 at a time" in side_by_side.stdout
    for path in tmp_path.glob("saved_models/*/metrics.json"):
        other = tmp_path / "beside" / path.relative_to(tmp_path / "saved_models")
        assert other.read_text() == path.read_text()
        assert other.with_name("predictions.csv").read_text() == (
            path.with_name("predictions.csv").read_text()
        )


@pytest.mark.slow
def test_a_failed_cell_is_told_with_its_reason_and_its_exit_code(reproduce, photos, tmp_path):
    name = "photos-tiny-none-weights_none-image_size_32-epochs_1-batch_size_8-seed0"
    folder = tmp_path / "saved_models" / name
    folder.mkdir(parents=True)
    (folder / "thesis.txt").write_text("not a run")
    code, out, _ = reproduce(*small(photos), "--attentions", "none")
    assert code == 1
    assert f"{folder.relative_to(tmp_path)} exists and is not a run" in out
    assert "| Baseline | – | failed |" in out
    assert (folder / "thesis.txt").read_text() == "not a run"
