"""Evaluation: metrics, predictions and the saved model agree."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from fgmix.data.sources.folder import load_folder
from fgmix.evaluation.evaluate import evaluate
from fgmix.runs.images import align_classes
from fgmix.runs.run import Run
from tests.trained_runs import CLASSES, TEST


@pytest.fixture(scope="module")
def model(finished):
    return Run.open(finished).load_model()


@pytest.fixture(scope="module")
def found(model, photos):
    return evaluate(model, load_folder(photos), "test", batch_size=8)


@pytest.mark.slow
def test_the_saved_model_gives_the_runs_own_metrics(finished, found):
    recorded = json.loads((finished / "metrics.json").read_text())
    assert recorded == found.metrics
    assert recorded["num_examples"] == TEST * len(CLASSES)
    assert set(recorded["per_class"]) == set(CLASSES)


def test_probabilities_are_a_distribution_over_the_classes(found):
    assert found.probabilities.shape == (TEST * len(CLASSES), len(CLASSES))
    assert found.probabilities.dtype == np.float32
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, rtol=1e-6)
    assert (found.probabilities >= 0).all()


def test_predictions_and_metrics_agree(finished, photos):
    metrics = json.loads((finished / "metrics.json").read_text())
    with (finished / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    dataset = load_folder(photos)
    assert tuple(rows[0]) == ("path", "label", "predicted", "probability")
    assert [row["path"] for row in rows] == list(dataset.splits["test"].paths)
    assert all(row["path"].split("/")[1] == row["label"] for row in rows)
    hits = np.array([row["label"] == row["predicted"] for row in rows])
    assert hits.mean() == pytest.approx(metrics["top1"])
    for name in CLASSES:
        of_class = hits[[row["label"] == name for row in rows]]
        assert of_class.mean() == pytest.approx(metrics["per_class"][name])
    assert all(1 / len(CLASSES) <= float(row["probability"]) <= 1 for row in rows)


@pytest.mark.slow
def test_evaluating_again_gives_the_same_bits(model, photos, found):
    again = evaluate(model, load_folder(photos), "test", batch_size=8)
    np.testing.assert_array_equal(again.probabilities, found.probabilities)
    assert again.metrics == found.metrics


def test_the_batch_size_changes_nothing(model, photos, found):
    single = evaluate(model, load_folder(photos), "test", batch_size=5)
    np.testing.assert_allclose(single.probabilities, found.probabilities, atol=1e-6)
    assert single.paths == found.paths


def test_a_name_with_a_comma_survives_the_csv(tmp_path, found):
    names = ("Alfa, 8C", 'a "quoted" one', "Škoda")
    replace(found, class_names=names).write_predictions(tmp_path / "p.csv")
    with (tmp_path / "p.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["label"] for row in rows] == [names[label] for label in found.labels]
    assert [p.name for p in tmp_path.iterdir()] == ["p.csv"]


@pytest.mark.slow
def test_another_data_set_is_measured_by_class_name(model, photos, tmp_path, found):
    # Without "blue", so green and red are numbered 0 and 1 there, 1 and 2 in the model.
    for name in ("green", "red"):
        for split in ("train", "test"):
            target = tmp_path / "photos" / split / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(photos / split / name)
    other = align_classes(load_folder(tmp_path / "photos"), CLASSES)
    again = evaluate(model, other, "test", batch_size=8)
    np.testing.assert_allclose(again.probabilities, found.probabilities[TEST:], atol=1e-6)
    expected = {name: found.metrics["per_class"][name] for name in ("green", "red")}
    assert again.metrics["per_class"] == expected
    assert again.metrics["mean_per_class"] == pytest.approx(np.mean(list(expected.values())))
