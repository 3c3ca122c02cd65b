"""Evaluating a finished run again: on its own images, changed ones and others."""

import json
import shutil

import pytest

from fgmix import FgmixError
from fgmix.runs.run import Run
from fgmix.workflows.evaluate_run import evaluate_run
from fgmix.workflows.train_and_evaluate import train
from tests.trained_runs import CLASSES, TEST, TRAIN, draw_photos, small_config


@pytest.fixture(scope="module")
def unsplit(tmp_path_factory):
    """Returns a run on a folder without split folders, whose split was drawn by a seed."""
    root = tmp_path_factory.mktemp("unsplit")
    draw_photos(root / "photos", {"": 10})
    run = train(small_config(root / "photos", root / "run", epochs=1)).directory
    return root / "photos", run


@pytest.mark.slow
def test_its_own_images_give_its_own_metrics(finished):
    found, *_ = evaluate_run(Run.open(finished))
    stored = json.loads((finished / "metrics.json").read_text())
    assert found.metrics == stored


@pytest.mark.slow
def test_all_takes_every_image(finished):
    found, *_ = evaluate_run(Run.open(finished), split="all")
    assert found.metrics["num_examples"] == len(CLASSES) * (TRAIN + TEST)


def test_an_unknown_split_names_the_known_ones(finished):
    with pytest.raises(FgmixError, match="it has train, test"):
        evaluate_run(Run.open(finished), split="val")


@pytest.mark.slow
def test_images_that_have_moved_are_found_again(unsplit, tmp_path):
    photos, run = unsplit
    shutil.copytree(photos, tmp_path / "elsewhere")
    before, *_ = evaluate_run(Run.open(run))
    after, dataset, *_ = evaluate_run(Run.open(run), dataset=str(tmp_path / "elsewhere"))
    assert dataset.root == tmp_path / "elsewhere"
    assert before.paths == after.paths
    assert before.metrics == after.metrics


@pytest.mark.slow
def test_a_folder_that_has_grown_is_refused(unsplit, tmp_path):
    # A new split would be drawn, with training images among the test images.
    photos, run = unsplit
    grown = tmp_path / "photos"
    shutil.copytree(photos, grown)
    record = json.loads((run / "config.json").read_text())
    record["config"]["dataset"] = str(grown)
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run" / "config.json").write_text(json.dumps(record))
    evaluate_run(Run.open(tmp_path / "run"))
    shutil.copy(grown / "red" / "photo0.png", grown / "red" / "new.png")
    with pytest.raises(FgmixError, match="have changed since") as caught:
        evaluate_run(Run.open(tmp_path / "run"))
    assert "\n" not in str(caught.value)


def test_a_damaged_image_is_named(finished, photos, tmp_path):
    shutil.copytree(photos, tmp_path / "photos")
    (tmp_path / "photos" / "test" / "red" / "photo0.png").write_bytes(b"no picture")
    with pytest.raises(FgmixError, match=r"red/photo0\.png"):
        evaluate_run(Run.open(finished), dataset=str(tmp_path / "photos"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("files", "split", "count"),
    [
        (["test/red/a.jpg", "test/blue/b.jpg"], "test", 2),  # nothing but the test photos
        (["red/a.jpg", "blue/b.jpg"], "all", 2),  # one photo per class
        (["green/a.jpg", "green/b.jpg"], "all", 2),  # one class
        (["test/green/a.jpg", "val/red/b.jpg"], "val", 1),
        (["test/green/a.jpg", "val/red/b.jpg"], "all", 2),
    ],
)
def test_only_what_is_measured_is_needed(finished, photos, tmp_path, files, split, count):
    for file in files:
        target = tmp_path / "other" / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(photos / "test" / target.parent.name / "photo1.jpg", target)
    found, images, *_ = evaluate_run(Run.open(finished), str(tmp_path / "other"), split=split)
    assert found.metrics["num_examples"] == count
    assert list(images.splits) == [split]
