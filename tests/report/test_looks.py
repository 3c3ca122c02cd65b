import shutil
from pathlib import Path

import pytest

from fgmix.cli.heatmaps import main as heatmaps
from fgmix.comparison.study import open_study
from fgmix.report.looks import look
from tests.trained_runs import CLASSES


@pytest.mark.slow
def test_a_run_and_its_photos(finished, photos, tmp_path):
    study = open_study([finished])
    root = tmp_path / "photos"
    shutil.copytree(photos / "test", root / "test")
    (root / study.paths[0]).unlink()
    (root / study.paths[-1]).write_bytes(b"no photo")
    looks = look(study, root, 4)
    assert looks.why_not == ""
    assert looks.notes[-1] == "2 of 4 photos can't be read."
    assert (
        "“spatial map v” shows how much weight the attention gives each position" in looks.notes[1]
    )
    assert len(looks.images) == 2
    for seen in looks.images:
        assert seen.path.split("/")[1] == seen.label
        assert seen.image.answer.split(",")[0] in CLASSES
        assert seen.image.correct is (seen.image.answer.split(",")[0] == seen.label)
        titles = [view.title for view in seen.views]
        assert titles == [
            "energy before attention",
            "spatial map v",
            "energy after attention",
            "Grad-CAM",
        ]
        assert len({view.picture.url for view in (seen.image, *seen.views)}) == 5


def test_a_model_that_cannot_be_loaded_is_a_reason(finished, photos, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    (run / "model.keras").write_bytes(b"no model")
    looks = look(open_study([run]), photos, 2)
    assert looks.images == ()
    assert "model.keras can't be loaded" in looks.why_not


@pytest.mark.slow
def test_heatmaps_and_a_report_show_the_same_photos(finished, photos, tmp_path):
    argv = ["--model", str(finished), "--map", "energy", "--count", "5"]
    assert heatmaps([*argv, "--output", str(tmp_path / "maps")]) == 0
    drawn = [path.name.split("-")[1] for path in sorted((tmp_path / "maps").iterdir())]
    looks = look(open_study([finished]), photos, 5)
    assert drawn == [Path(seen.path).stem for seen in looks.images]
    # Of 12 images, 4 per class, no other 5 evenly spaced ones have these names.
    assert drawn == ["photo0", "photo2", "photo1", "photo0", "photo3"]
