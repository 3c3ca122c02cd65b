"""`fgmix grid` from the command line."""

import pytest

from fgmix.__main__ import main
from fgmix.cli.main import run


@pytest.fixture
def grid(tmp_path, monkeypatch, capsys):
    """Runs the command in this process and an empty folder; returns code, output and errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")

    def grid(*arguments):
        code = run(main, ["grid", *map(str, arguments)])
        return code, *capsys.readouterr()

    return grid


def small(photos):
    return (
        *("--dataset", photos, "--backbones", "tiny", "--weights", "none", "--seeds", 1),
        *("--image-size", 32, "--epochs", 1, "--batch-size", 8),
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--dataset is missing"),
        (["--shots", "5,many"], "--shots 5,many: give numbers"),
        (["--recipes", "papr"], "--recipe papr: choose one of paper"),
        (["--recipe", "paper"], "unknown argument --recipe: did you mean --recipes?"),
        (["--jobs", "0"], "--jobs 0: must be at least 1"),
        (["--jobs", "100000"], "--jobs 100000: a cell needs at least a core"),
        (["--worker", "--launcher", "submitit"], "--worker and --launcher exclude each other"),
        (["--launcher", "ray"], "invalid choice: 'ray'"),
        (["--slurm", "timeout_min=5"], "--slurm needs --launcher submitit"),
        (["--launcher", "submitit", "--slurm", "gpu"], "--slurm gpu: give NAME=VALUE"),
        (["--retry"], "--retry is for --worker"),
        (["--worker", "--coordinator", "auto"], "--coordinator trains one cell on several hosts"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(grid, tmp_path, arguments, message):
    dataset = ["--dataset", "cars"] if arguments else []
    code, _, error = grid(*dataset, *arguments)
    assert code == 2
    assert message in error
    assert len(error.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_dry_run_shows_the_cells_and_writes_nothing(grid, photos, tmp_path):
    code, out, error = grid(
        *small(photos), "--recipes", "paper,frozen", "--shots", "2,4", "--dry-run"
    )
    assert code == 0, error
    assert "4 cells: 4 not run" in out
    title = "photos, tiny, mixed, gate linear, recipe frozen, shots 2, seed 0"
    assert f"not run  0 of 1 epochs  {title}" in out
    assert not list(tmp_path.iterdir())


def test_folds_are_held_out_one_after_the_other(grid, photos):
    code, out, error = grid(*small(photos), "--folds", 3, "--dry-run")
    assert code == 0, error
    assert [line[-14:] for line in out.splitlines()[-3:]] == [
        f"fold {fold}, seed 0" for fold in range(3)
    ]
