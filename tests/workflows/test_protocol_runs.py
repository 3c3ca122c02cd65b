"""Runs with few shots or with a fold held out: their records and results."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import fgmix
from fgmix import FgmixError
from fgmix.cli.evaluate import main as evaluate
from fgmix.cli.main import run as run_command
from fgmix.config.identity import changes
from fgmix.files import read_csv
from fgmix.runs.images import load_splits
from fgmix.runs.run import Run
from fgmix.workflows import train_and_evaluate as experiment
from fgmix.workflows.evaluate_run import evaluate_run
from tests.trained_runs import CLASSES, TEST, TRAIN, small_config


def members(run_dir, split):
    return {row["path"] for row in read_csv(Path(run_dir) / "splits.csv") if row["split"] == split}


@pytest.fixture(scope="module")
def few(photos, tmp_path_factory):
    """Returns a run on 3 shots per class, with a quarter of the training images for validation."""
    config = small_config(
        photos, tmp_path_factory.mktemp("few") / "run", epochs=1, shots=3, val_fraction=0.25
    )
    return fgmix.train(config).directory


@pytest.fixture(scope="module")
def folded(photos, tmp_path_factory):
    """Returns a run with the second of 4 folds held out."""
    config = small_config(
        photos, tmp_path_factory.mktemp("folded") / "run", epochs=1, folds=4, fold=1
    )
    return fgmix.train(config).directory


@pytest.mark.slow
def test_few_shots_are_recorded_and_measured_on_all_test_images(few):
    assert len(members(few, "train")) == 3 * len(CLASSES)
    assert len(members(few, "val")) == 2 * len(CLASSES)
    record = json.loads((few / "config.json").read_text())
    assert record["config"]["shots"] == 3
    assert record["data"]["num_images"] == {"train": 9, "test": 12, "val": 6}
    assert json.loads((few / "metrics.json").read_text())["num_examples"] == TEST * len(CLASSES)
    found, dataset, *_ = evaluate_run(Run.open(few))
    assert found.metrics == json.loads((few / "metrics.json").read_text())
    assert set(dataset.splits["train"].paths) == members(few, "train")


@pytest.mark.slow
def test_a_fold_is_measured_and_the_test_images_stay_unseen(folded):
    assert len(members(folded, "fold")) == TRAIN // 4 * len(CLASSES)
    assert len(members(folded, "test")) == TEST * len(CLASSES)
    predicted = [row["path"] for row in read_csv(folded / "predictions.csv")]
    assert set(predicted) == members(folded, "fold")
    metrics = json.loads((folded / "metrics.json").read_text())
    assert metrics["num_examples"] == len(predicted)
    found, *_ = evaluate_run(Run.open(folded), split="test")
    assert found.metrics["num_examples"] == TEST * len(CLASSES)


def test_the_model_card_says_that_a_fold_was_measured(folded):
    card = (folded / "1" / "README.md").read_text()
    assert "On 6 photos of the fold held out, which were not used for any choice" in card


@pytest.mark.slow
def test_a_fold_keeps_the_whole_probabilities_of_its_images(folded, few):
    probabilities = np.load(folded / "probabilities.npy")
    found, *_ = evaluate_run(Run.open(folded), split="fold")
    np.testing.assert_array_equal(probabilities, found.probabilities)
    rows = read_csv(folded / "predictions.csv")
    assert [CLASSES[i] for i in probabilities.argmax(axis=1)] == [row["predicted"] for row in rows]
    assert not (few / "probabilities.npy").exists()


@pytest.mark.slow
def test_evaluate_measures_again_what_the_run_was_measured_on(folded, photos, tmp_path, capsys):
    answer = tmp_path / "metrics.json"
    assert run_command(evaluate, ["--model", str(folded), "--json", str(answer)]) == 0
    assert json.loads(answer.read_text()) == json.loads((folded / "metrics.json").read_text())
    assert "6 fold photos" in capsys.readouterr().out
    moved = str(shutil.copytree(photos, tmp_path / "moved"))
    argv = ["--model", str(folded), "--dataset", moved, "--json", str(answer)]
    assert run_command(evaluate, argv) == 0
    assert json.loads(answer.read_text()) == json.loads((folded / "metrics.json").read_text())
    red = tmp_path / "moved" / "test" / "red"
    shutil.copy(red / "photo0.png", red / "more.png")
    assert run_command(evaluate, argv) == 0  # other photos
    assert json.loads(answer.read_text())["num_examples"] == TEST * len(CLASSES) + 1


@pytest.mark.slow
def test_a_resumed_run_trains_on_the_same_images_and_no_others(photos, tmp_path, monkeypatch):
    config = small_config(photos, tmp_path / "run", epochs=1, folds=4, fold=3, shots=2)

    def kill(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(experiment, "evaluate", kill)
        fgmix.train(config)
    before = (tmp_path / "run" / "splits.csv").read_text()
    for change in ({"shots": 3}, {"fold": 2}, {"split_seed": 1}, {"folds": None, "fold": None}):
        with pytest.raises(FgmixError, match="can't resume") as caught:
            fgmix.train(replace(config, resume=True, **change))
        assert len(str(caught.value).splitlines()) == 1
    fgmix.train(replace(config, resume=True))
    assert (tmp_path / "run" / "splits.csv").read_text() == before
    assert len(members(tmp_path / "run", "train")) == 2 * len(CLASSES)


def test_the_seed_of_a_run_moves_no_image(photos, tmp_path):
    def splits(**settings):
        config = small_config(
            photos, tmp_path, shots=3, folds=2, fold=0, val_fraction=0.25, **settings
        )
        return {name: split.paths for name, split in load_splits(config.resolve()).splits.items()}

    assert splits() == splits(seed=5)
    for name in ("train", "val", "fold"):
        assert splits()[name] != splits(split_seed=5)[name]


def test_a_setting_that_came_after_a_run_counts_as_its_default(folded):
    before = dict(json.loads((folded / "config.json").read_text())["config"])
    config = Run.open(folded).config
    del before["train_fraction"]
    assert changes(before, config) == []
    del before["fold"]
    assert changes(before, config) == ["--fold was None"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"shots": 9}, "'blue' has 8"), ({"folds": 9, "fold": 0}, "'blue' has 8")],
)
def test_a_protocol_that_the_images_are_too_few_for_leaves_nothing(
    photos, tmp_path, settings, message
):
    with pytest.raises(FgmixError, match=message):
        fgmix.train(small_config(photos, tmp_path / "run", **settings))
    assert list(tmp_path.iterdir()) == []
