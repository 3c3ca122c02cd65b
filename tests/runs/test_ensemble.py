"""Several runs answer together only where their mean means something."""

import shutil

import numpy as np
import pytest

from fgmix.errors import FgmixError
from fgmix.files import read_csv, write_csv
from fgmix.runs.ensemble import Ensemble, as_ensemble
from fgmix.runs.run import Run
from tests.comparison.answers import edit_config
from tests.trained_runs import CLASSES, TEST


@pytest.fixture
def other(finished, tmp_path):
    """A copy of a finished run, which is another run."""
    return shutil.copytree(finished, tmp_path / "other")


def rename(run_dir, *names):
    (run_dir / "labels.txt").write_text("".join(f"{name}\n" for name in names))


def refused(*directories):
    with pytest.raises(FgmixError) as caught:
        Ensemble.open(directories)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_run_alone_is_an_ensemble_of_one(finished):
    run = Run.open(finished)
    ensemble = as_ensemble(run)
    assert ensemble.runs == (run,)
    assert as_ensemble(ensemble) is ensemble
    assert not ensemble.averages
    assert (ensemble.describe(), ensemble.record()) == ("", {})
    assert Ensemble((run,), "flip").averages


def test_what_is_averaged_is_told(finished, other):
    flipped, two, both = (
        Ensemble.open(runs, tta)
        for runs, tta in (
            ([finished], "flip"),
            ([finished, other], "none"),
            ([finished, other], "flip"),
        )
    )
    assert flipped.describe() == "the mean over the photo and its mirror image"
    assert two.describe() == "the mean over 2 runs"
    assert both.describe() == "the mean over 2 runs, each on the photo and its mirror image"
    assert both.name == "finished + other"
    assert both.record() == {"tta": "flip", "runs": [str(finished), str(other)]}


def test_the_same_run_twice_is_refused(finished, tmp_path):
    (tmp_path / "link").symlink_to(finished)
    said = refused(finished, tmp_path / "link")
    assert said == f"{tmp_path / 'link'} is given twice: give each run once"


def test_other_classes_are_named(finished, other):
    rename(other, "blue", "green", "RED")
    said = refused(finished, other)
    assert f"'red' only in {finished} and 'RED' only in {other}" in said


def test_another_crop_is_refused(finished, other):
    edit_config(other, data={"crop_bottom": 20})
    assert f"{other} removes 20 pixel rows" in refused(finished, other)


def test_what_is_no_run_is_named(finished, tmp_path):
    assert refused(finished, tmp_path) == f"{tmp_path} is not a run: it has no config.json"


def test_an_unknown_augmentation_is_refused(finished):
    with pytest.raises(FgmixError, match="unknown tta 'turn': choose one of none, flip"):
        Ensemble.open([finished], "turn")


def test_classes_take_the_order_of_the_first_run(finished, other):
    rename(other, "red", "blue", "green")
    images = np.random.default_rng(0).uniform(0, 255, (4, 32, 32, 3)).astype("float32")
    alone = np.asarray(Run.open(finished).load_model()(images, training=False))
    ensemble = Ensemble.open([finished, other])
    assert ensemble.class_names == CLASSES == ("blue", "green", "red")
    found = np.asarray(ensemble.load_model()(images, training=False))
    np.testing.assert_allclose(found, (alone + alone[:, [1, 2, 0]]) / 2, rtol=0, atol=1e-6)


def test_photos_that_another_run_was_trained_on_measure_nothing(finished, other):
    ensemble = Ensemble.open([finished, other])
    rows = ensemble.first.splits
    tested = [row["path"] for row in rows if row["split"] == "test"]
    ensemble.refuse_trained_on(tested, "test")
    assert ensemble.measured_alike(ensemble.runs[1], "test")

    rows = read_csv(other / "splits.csv")
    for row in rows:
        row["split"] = "train" if row["path"] == tested[1] else row["split"]
    write_csv(other / "splits.csv", list(rows[0]), rows)
    ensemble = Ensemble.open([finished, other])
    with pytest.raises(FgmixError) as caught:
        ensemble.refuse_trained_on(tested, "test")
    count = TEST * len(CLASSES)
    said = f"was trained with 1 of the {count} test photos of {finished}, such as {tested[1]}:"
    assert said in str(caught.value)
    assert not ensemble.measured_alike(ensemble.runs[1], "test")
    # Of other photos nothing is known, and training photos are asked for by name.
    ensemble.refuse_trained_on(["elsewhere.jpg"], "test")
    ensemble.refuse_trained_on([row["path"] for row in rows if row["split"] == "train"], "train")
