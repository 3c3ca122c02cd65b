"""Metrics against hand-computed numbers."""

import json
from math import log

import numpy as np
import pytest

from fgmix.evaluation.metrics import classification_metrics, summarize


def test_three_classes_by_hand():
    # Class a: 3 images, 2 correct; class b: 1 image, incorrect; class c: no image.
    probabilities = np.array([[0.7, 0.2, 0.1], [0.5, 0.3, 0.2], [0.1, 0.6, 0.3], [0.2, 0.3, 0.5]])
    found = classification_metrics(probabilities, np.array([0, 0, 0, 1]), ("a", "b", "c"))
    assert found == {
        "top1": 0.5,
        "top5": 1.0,  # of 3 classes: every label is among them
        "mean_per_class": pytest.approx((2 / 3 + 0) / 2),
        "loss": pytest.approx(-(log(0.7) + log(0.5) + log(0.1) + log(0.3)) / 4),
        "num_examples": 4,
        "num_classes": 3,
        "per_class": {"a": pytest.approx(2 / 3), "b": 0.0},
    }


def test_top5_of_seven_classes_takes_the_fifth_and_not_the_sixth():
    row = np.array([0.05, 0.30, 0.25, 0.02, 0.15, 0.13, 0.10])  # most probable first: 1 2 4 5 6 0 3
    labels = np.array([1, 2, 4, 5, 6, 0, 3])
    found = classification_metrics(np.tile(row, (7, 1)), labels, tuple("abcdefg"))
    assert found["top1"] == pytest.approx(1 / 7)
    assert found["top5"] == pytest.approx(5 / 7)
    assert found["mean_per_class"] == pytest.approx(1 / 7)


def test_exactly_five_classes_are_all_in_the_top_five():
    found = classification_metrics(np.full((5, 5), 0.2), np.arange(5), tuple("abcde"))
    assert found["top5"] == 1.0


def test_the_first_of_equals_is_the_answer():
    # Ties are resolved as by argmax in predictions.csv, not in favour of the label.
    found = classification_metrics(np.full((6, 6), 1 / 6), np.arange(6), tuple("abcdef"))
    assert found["top1"] == pytest.approx(1 / 6)
    assert found["top5"] == pytest.approx(5 / 6)
    assert found["per_class"] == {"a": 1.0, "b": 0.0, "c": 0.0, "d": 0.0, "e": 0.0, "f": 0.0}


def test_imbalance_moves_top1_but_not_the_mean_per_class():
    # 9 of 10 images are of class a, and the prediction is always a.
    probabilities = np.tile([0.9, 0.1], (10, 1))
    found = classification_metrics(probabilities, np.array([0] * 9 + [1]), ("a", "b"))
    assert found["top1"] == 0.9
    assert found["mean_per_class"] == 0.5


def test_a_probability_of_zero_costs_much_but_not_everything():
    probabilities = np.array([[1.0, 0.0]], "float32")
    found = classification_metrics(probabilities, np.array([1]), ("a", "b"))
    assert found["loss"] == pytest.approx(87.3, abs=0.1)  # -log of float32's smallest normal


def test_the_numbers_are_plain_json():
    probabilities = np.array([[0.75, 0.25], [0.5, 0.5]], "float32")
    found = classification_metrics(probabilities, np.array([0, 1], "int32"), ("a", "b"))
    assert json.loads(json.dumps(found)) == found


def test_metrics_in_a_line():
    metrics = {"top1": 0.8, "top5": 0.95, "mean_per_class": 0.75, "loss": 1.2345}
    assert summarize(metrics | {"num_examples": 400}, "fold") == (
        "top-1 80.0% (standard error 2.0%), top-5 95.0%, mean per class 75.0%, loss 1.234, "
        "400 fold photos"
    )
    assert summarize(metrics | {"num_examples": 3}, "all").endswith("1.234, 3 photos")


def test_a_line_names_as_many_classes_as_there_are():
    metrics = {"top1": 1.0, "top5": 1.0, "mean_per_class": 1.0, "num_examples": 9}
    assert "top-3 100.0%" in summarize(metrics | {"loss": 0.5, "num_classes": 3})
    assert "top-5 100.0%" in summarize(metrics | {"loss": 0.5, "num_classes": 200})


def test_a_loss_of_nothing_has_no_sign():
    found = classification_metrics(np.eye(2, dtype="float32"), np.array([0, 1]), ("a", "b"))
    assert "loss 0.000" in summarize(found)
    assert str(found["loss"]) == "0.0"
