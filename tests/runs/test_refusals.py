"""Something else where a run is wanted is explained, and what to give instead."""

import os

import pytest

from fgmix.errors import FgmixError
from fgmix.runs.refusals import how_to_get_a_run
from fgmix.runs.results import find_runs
from fgmix.runs.run import Run


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Two runs in saved_models, the second trained later, and an export without its run."""
    monkeypatch.chdir(tmp_path)
    for age, name in enumerate(["birds-mixed-seed0", "birds-none-seed0"]):
        run = tmp_path / "saved_models" / name
        (run / "1").mkdir(parents=True)
        for file in ("config.json", "model.keras", "1/saved_model.pb", "metrics.json"):
            (run / file).touch()
        os.utime(run / "metrics.json", (age, age))
    (tmp_path / "export" / "2").mkdir(parents=True)
    (tmp_path / "export" / "2" / "saved_model.pb").touch()
    (tmp_path / "alone.keras").touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "photo.jpg").touch()
    return tmp_path


RUN = "saved_models/birds-mixed-seed0"
OF_A_RUN = "is the model of a run: give the run's folder,"
ALONE = (
    "is a model without its run, which holds config.json, the class names and the results: give "
    "the folder of the run that it comes from, or"
)


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("birds-mxed-seed0", f"there is no run birds-mxed-seed0: did you mean {RUN}?"),
        (f"{RUN}1", f"there is no run {RUN}1: did you mean {RUN}?"),
        ("xyz", "there is no run xyz: give the folder of a run, such as saved_models/birds-none"),
        (f"{RUN}/model.keras", f"{RUN}/model.keras {OF_A_RUN} {RUN}"),
        (f"{RUN}/1", f"{RUN}/1 {OF_A_RUN} {RUN}"),
        ("alone.keras", f"alone.keras {ALONE} load it with keras.saving.load_model after import"),
        ("export/2", f"export/2 {ALONE} ask it on a server with fgmix query"),
        ("export", f"export {ALONE} ask it"),
        ("photo.jpg", "photo.jpg is a file: give the folder of a run"),
        ("saved_models", f"saved_models is a folder of 2 runs: give one, such as {RUN}"),
        ("empty", "empty is not a run: it has no config.json"),
    ],
)
def test_what_is_no_run_is_explained(here, place, message):
    with pytest.raises(FgmixError) as caught:
        Run.open(place)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("place", [f"{RUN}/1", f"{RUN}/model.keras", "export", "alone.keras"])
def test_comparisons_explain_a_model_too(here, place):
    with pytest.raises(FgmixError, match=r"is (the model of a run|a model without its run)"):
        find_runs(["saved_models", place])


def test_the_newest_run_is_suggested_or_how_to_train_one(here):
    assert how_to_get_a_run() == "give the folder of a run, such as saved_models/birds-none-seed0"
    for metrics in here.glob("saved_models/*/metrics.json"):
        metrics.unlink()
    assert how_to_get_a_run() == (
        "train a run first, such as fgmix train --dataset photos/ with a folder of photos for each "
        "class"
    )
