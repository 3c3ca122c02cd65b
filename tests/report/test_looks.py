import shutil

from fgmix.comparison.study import open_study
from fgmix.report.looks import look
from tests.trained_runs import CLASSES


def test_a_run_and_its_photos(finished, photos, tmp_path):
    study = open_study([finished])
    root = tmp_path / "photos"
    shutil.copytree(photos / "test", root / "test")
    (root / study.paths[0]).unlink()
    (root / study.paths[-1]).write_bytes(b"no photo")
    looks = look(study, root, 4)
    assert looks.why_not == ""
    assert looks.notes[-1] == "2 of 4 photos can't be read."
    assert "“spatial map v” shows how much the attention weighs each place" in looks.notes[1]
    assert len(looks.photos) == 2
    for seen in looks.photos:
        assert seen.path.split("/")[1] == seen.label
        assert seen.photo.answer.split(",")[0] in CLASSES
        assert seen.photo.right is (seen.photo.answer.split(",")[0] == seen.label)
        titles = [view.title for view in seen.views]
        assert titles == [
            "energy before attention",
            "spatial map v",
            "energy after attention",
            "Grad-CAM",
        ]
        assert len({view.picture.url for view in (seen.photo, *seen.views)}) == 5


def test_a_model_that_cannot_be_loaded_is_a_reason(finished, photos, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    (run / "model.keras").write_bytes(b"no model")
    looks = look(open_study([run]), photos, 2)
    assert looks.photos == ()
    assert "model.keras can't be loaded" in looks.why_not
