"""`fgmix compare`: its output and files, and one-line errors for bad input."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fgmix.cli import compare
from fgmix.cli.main import run
from tests.comparison.answers import draw_answers, write_run

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    runs, rng = tmp_path_factory.mktemp("runs"), np.random.default_rng(0)
    for attention in ("none", "mixed"):
        for seed, right in enumerate(draw_answers(rng, 3, 100)):
            write_run(runs, right, attention=attention, seed=seed)
    return runs


@pytest.fixture
def call(capsys):
    def call(*argv):
        code = run(compare.main, [str(arg) for arg in argv])
        out, err = capsys.readouterr()
        return code, out, err

    return call


def test_it_prints_and_writes_every_format(call, grid, tmp_path):
    files = {
        flag: tmp_path / f"found.{suffix}"
        for flag, suffix in (
            *(("--markdown", "md"), ("--csv", "csv"), ("--json", "json")),
            *(("--plot", "png"), ("--curves", "svg")),
        )
    }
    code, out, err = call(grid, *(part for pair in files.items() for part in pair))
    assert (code, err) == (0, "")
    assert "mixed against none: no difference shown" in out
    assert out.splitlines()[-1] == f"written: {', '.join(map(str, files.values()))}"
    assert json.loads(files["--json"].read_text())["baseline"] == "none"
    assert files["--markdown"].read_text().startswith("# Comparison")
    assert len(files["--csv"].read_text().splitlines()) == 3
    assert Image.open(files["--plot"]).width > 800
    # Training alone: no run was validated in every epoch.
    drawn = files["--curves"].read_text()
    assert "train loss" in drawn
    assert "val loss" not in drawn
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        path.name for path in files.values()
    )


def test_folds_are_not_counted_as_seeds(call, tmp_path):
    for fold in range(2):
        paths = [f"p{2 * i + fold}" for i in range(8)]
        write_run(tmp_path, np.arange(8) > 3, paths=paths, folds=2, fold=fold)
    code, out, _ = call(tmp_path, "--curves", tmp_path / "curves.svg")
    assert code == 0
    assert "mixed      1  50.00" in out
    drawn = (tmp_path / "curves.svg").read_text()
    assert "mixed (2 runs)" in drawn
    assert "seeds" not in drawn


def test_one_group_prints_where_it_fails(call, grid):
    code, out, _ = call(*grid.glob("mixed-*"))
    assert code == 0
    assert "most confused pairs of mixed" in out


def test_a_difference_to_plan_for(call, grid):
    code, out, _ = call(grid, "--difference", "2.5")
    assert code == 0
    assert "+2.50" in out


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--baseline", "nine"], "--baseline nine"),
        (["--difference", "0"], "--difference 0.0"),
        (["--plot", "found.bmp"], "--plot found.bmp"),
        (["--json", "nowhere/found.json"], "--json nowhere/found.json"),
        (["--basline", "none"], "did you mean --baseline?"),
    ],
)
def test_bad_flags_are_one_line(call, grid, argv, said):
    code, out, err = call(grid, *argv)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert said in err


def test_a_run_without_a_history_has_no_curves(call, grid, tmp_path):
    bare = write_run(tmp_path, np.ones(8, bool))
    for text in (None, "epoch,loss,accuracy\n", "epoch,loss\n1,2\n", "loss,accuracy\nx,1\n"):
        if text is None:
            (bare / "history.csv").unlink()
        else:
            (bare / "history.csv").write_text(text)
        code, _, err = call(bare, "--curves", tmp_path / "curves.png")
        assert code == 2
        assert err.count("\n") == 1
        assert "history.csv can't be read" in err
        assert not (tmp_path / "curves.png").exists()


@pytest.mark.slow
def test_comparing_needs_no_tensorflow(grid):
    code = (
        "import sys\n"
        "from fgmix.cli.compare import main\n"
        f"main([{str(grid)!r}])\n"
        "print('imported:', *sorted({'tensorflow', 'keras'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "imported:"
