"""`fgmix reproduce` from the command line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def reproduce(*arguments, cwd):
    return subprocess.run(
        [sys.executable, "-m", "fgmix", "reproduce", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=600,
    )


def small(photos):
    return (
        *("--dataset", photos, "--backbones", "tiny", "--weights", "none", "--seeds", 1),
        *("--attentions", "none,mixed", "--image-size", 32, "--epochs", 1, "--batch-size", 8),
    )


@pytest.mark.slow
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
def test_bad_input_is_one_line(tmp_path, arguments, message):
    done = reproduce(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_dry_run_shows_the_plan_and_writes_nothing(photos, tmp_path):
    done = reproduce(*small(photos), "--dry-run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "2 cells: 2 not run" in done.stdout
    assert "not run  0 of 1 epochs  photos, tiny, mixed, gate linear, seed 0" in done.stdout
    assert not list(tmp_path.iterdir())


def test_the_grid_passes_small_sample_protocols_on(photos, tmp_path):
    done = reproduce(*small(photos), "--shots", 5, "--dry-run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "2 cells: 2 not run" in done.stdout


@pytest.mark.slow
def test_a_grid_is_trained_its_results_written_and_not_trained_again(photos, tmp_path):
    done = reproduce(*small(photos), "--monitor-test", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "[2 of 2] photos, tiny, mixed, gate linear, seed 0" in done.stdout
    assert "| MA-Ours | – | " in done.stdout
    [results] = (tmp_path / "saved_models").glob("reproduce-photos-tiny-none_mixed-*")
    assert "| Baseline | – | " in (results / "table2.md").read_text()
    assert {path.name for path in results.glob("*.png")} == {"table2.png", "fig2-photos-tiny.png"}
    before = sorted(path.stat().st_mtime for path in tmp_path.rglob("metrics.json"))
    again = reproduce(*small(photos), cwd=tmp_path)
    assert again.returncode == 0
    assert "2 cells: 2 finished" in again.stdout
    assert sorted(path.stat().st_mtime for path in tmp_path.rglob("metrics.json")) == before


@pytest.mark.slow
def test_a_failed_cell_is_told_with_its_reason_and_its_exit_code(photos, tmp_path):
    name = "photos-tiny-none-weights_none-image_size_32-epochs_1-batch_size_8-seed0"
    folder = tmp_path / "saved_models" / name
    folder.mkdir(parents=True)
    (folder / "thesis.txt").write_text("not a run")
    done = reproduce(*small(photos), "--attentions", "none", cwd=tmp_path)
    assert done.returncode == 1
    assert f"{folder.relative_to(tmp_path)} exists and is not a run" in done.stdout
    assert "| Baseline | – | failed |" in done.stdout
    assert (folder / "thesis.txt").read_text() == "not a run"
