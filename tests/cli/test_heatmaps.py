"""`fgmix heatmaps`: figures of one run and several, numbers, readable errors."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fgmix.cli.heatmaps import main
from fgmix.cli.main import run
from tests.comparison.answers import edit_config


@pytest.fixture
def call(capsys):
    def call(*argv, code=0):
        assert run(main, [str(arg) for arg in argv]) == code
        out, err = capsys.readouterr()
        return out.splitlines() if code == 0 else err.splitlines()

    return call


def size(path):
    with Image.open(path) as picture:
        picture.load()
        return picture.size


@pytest.mark.slow
def test_one_run_shows_all_maps_of_test_photos_and_measures_them(call, finished, tmp_path):
    shutil.copytree(finished, tmp_path / "run")
    out = call("--model", tmp_path / "run", "--count", 2, "--measure", 3, "--json", "n.json")
    width, height = size(tmp_path / "run" / "heatmaps.png")
    assert (width, height // 100) == (1632, 6)  # a photo and four maps, twice
    found = json.loads(Path("n.json").read_text())
    assert found["images"] == 3
    maps = found["runs"]["mixed"]["maps"]
    assert set(maps) == {"before", "spatial", "energy", "gradcam", "random", "centre"}
    [line] = [line for line in out if line.startswith("energy")]
    assert f"{maps['energy']['deletion']['mean']:.3f}" in line
    assert any("has no boxes" in line for line in out)


@pytest.mark.slow
def test_runs_stand_side_by_side(call, finished, photos, tmp_path):
    shutil.copytree(finished, tmp_path / "other")
    photo = photos / "test" / "red" / "photo0.png"
    runs = [finished, tmp_path / "other", photo]
    call("--model", *runs, "--map", "all", "--class", "red", "--output", "figure.png")
    width, height = size("figure.png")
    assert (width // 100, height // 100) == (10, 11)  # a photo and two runs, four maps


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.slow
def test_photos_that_moved_are_found_where_they_are_said_to_be(call, finished, photos, tmp_path):
    before = tmp_path / "before"
    edit_config(shutil.copytree(finished, tmp_path / "run"), config={"dataset": str(before)})
    argv = ["--model", tmp_path / "run", "--count", 1, "--map", "energy"]
    [line] = call(*argv, code=2)
    assert line.endswith(f"no longer in {before}: give the folder where they are now as --dataset")
    moved = shutil.copytree(photos, tmp_path / "moved")
    drawn = []
    for flag, place in (("--dataset", moved), ("--data-dir", moved), ("--dataset", photos)):
        call(*argv, flag, place, "--output", "map.png")
        drawn.append(Path("map.png").read_bytes())
    assert drawn[0] == drawn[1] == drawn[2]


@pytest.mark.slow
def test_full_size_pictures_go_into_a_folder(call, finished, photos, tmp_path):
    photo = photos / "test" / "red" / "photo0.png"
    call("--model", finished, "--map", "all", "--output", "maps", "--", photo)
    written = sorted(p.name for p in (tmp_path / "maps").iterdir())
    assert written == [
        f"01-photo0-mixed-{name}.png" for name in ("before", "energy", "gradcam", "spatial")
    ]
    with Image.open(photo) as original, Image.open(tmp_path / "maps" / written[1]) as over:
        assert over.size == original.size
        assert (np.asarray(over) != np.asarray(original)).any()


@pytest.mark.parametrize(
    ("flags", "part"),
    [
        (["--map", "heat"], "--map heat: choose one of before, spatial, energy, gradcam, all"),
        (["--class", "rde"], "did you mean 'red'?"),
        (["--count", "0"], "at least 1"),
        (["--measure", "0"], "at least 1"),
        (["--output", "f.gif"], ".png"),
        (["--output", "no/f.png"], "no folder 'no'"),
        (["missing.jpg"], "there is no run missing.jpg"),
        (["--map", "energy", "missing.jpg"], "no such file or folder: missing.jpg"),
    ],
)
def test_bad_input_is_one_line(call, finished, flags, part):
    [line] = call("--model", finished, *flags, code=2)
    assert part in line


def test_a_file_that_is_no_photo_is_named(call, finished, tmp_path):
    (tmp_path / "notes.jpg").write_text("no photo")
    [line] = [x for x in call("--model", finished, tmp_path / "notes.jpg", code=2) if "error" in x]
    assert "notes.jpg" in line


def test_too_many_photos_for_a_figure_are_one_line(call, finished, photos, monkeypatch):
    monkeypatch.setattr("fgmix.cli.heatmaps.MOST_ROWS", 11)
    [line] = call("--model", finished, "--map", "energy", photos / "test", code=2)
    assert "12 rows" in line
    assert "folder as --output" in line


def test_the_same_run_twice_is_one_line(call, finished):
    assert "twice" in call("--model", finished, finished, code=2)[0]


def test_only_photos_are_no_run(call, photos):
    photo = photos / "test" / "red" / "photo0.png"
    assert "give the folder of a run" in call("--model", photo, code=2)[0]
