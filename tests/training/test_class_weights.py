"""Class weights in the loss."""

import logging
from dataclasses import replace

import keras
import numpy as np
import pytest

from fgmix.config.train_config import TrainConfig
from fgmix.data.dataset import ImageDataset, Split
from fgmix.data.sources.registry import load_dataset
from fgmix.training import stages
from fgmix.training.class_weights import (
    WeightedCrossEntropy,
    balanced_weights,
    class_weights,
    describe_weights,
    training_loss,
)
from fgmix.training.losses import cross_entropy
from fgmix.training.stages import fit_stages
from fgmix.training.trainer import build_model
from tests.trained_runs import draw_photos, small_config

LABELS = np.array([0, 0, 0, 0, 1, 1, 2])
"""Classes of 4, 2 and 1 examples."""
PROBABILITIES = np.array([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]], "float32")
TARGETS = np.array([[1, 0, 0], [0, 0, 1]], "float32")


def test_balanced_weights_are_those_of_scikit_learn():
    weights = balanced_weights(LABELS, 3)
    np.testing.assert_allclose(weights, [7 / 12, 7 / 6, 7 / 3], rtol=1e-6)
    assert weights[LABELS].mean() == pytest.approx(1)
    of_class = np.bincount(LABELS, weights[LABELS])
    np.testing.assert_allclose(of_class, 7 / 3, rtol=1e-6)


def test_a_class_without_examples_has_no_weight_and_changes_no_other():
    weights = balanced_weights(LABELS, 5)
    np.testing.assert_array_equal(weights, [*balanced_weights(LABELS, 3), 0, 0])
    described = describe_weights(weights, ("ant", "bee", "cow", "dog", "emu"))
    assert described == (
        "class weights: from 0.583 (ant) to 2.33 (cow), mean 1 over the training photos"
    )


def test_equal_classes_are_told_to_be_equal():
    described = describe_weights(balanced_weights(np.array([0, 1, 2]), 3), ("ant", "bee", "cow"))
    assert described == (
        "class weights: all 1, because all classes have equally many training photos"
    )


def test_only_the_images_that_are_trained_on_count(tmp_path):
    train, val = (Split(tuple(map(str, x)), x.astype("int32")) for x in (LABELS, LABELS[:4]))
    dataset = ImageDataset("birds", tmp_path, ("ant", "bee", "cow"), {"train": train, "val": val})
    config = TrainConfig(dataset="cars").resolve()
    assert class_weights(config, dataset) is None
    config = replace(config, class_weights="balanced")
    np.testing.assert_array_equal(class_weights(config, dataset), balanced_weights(LABELS, 3))


def test_the_weighted_loss_is_the_formula():
    loss = WeightedCrossEntropy(np.array([0.5, 1.0, 3.0], "float32"))
    expected = (0.5 * np.log(2) + 3.0 * np.log(10)) / 2
    assert float(loss(TARGETS, PROBABILITIES)) == pytest.approx(expected, rel=1e-6)
    labels = TARGETS.argmax(axis=1)
    assert cross_entropy(PROBABILITIES, labels, loss.weights) == pytest.approx(expected, rel=1e-6)


def test_label_smoothing_keeps_the_weight_of_the_label():
    loss = WeightedCrossEntropy(np.array([0.5, 1.0, 3.0], "float32"), label_smoothing=0.3)
    smoothed = 0.7 * TARGETS + 0.1
    losses = -(smoothed * np.log(PROBABILITIES)).sum(axis=1)
    expected = (0.5 * losses[0] + 3.0 * losses[1]) / 2
    assert float(loss(TARGETS, PROBABILITIES)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("label_smoothing", [0.0, 0.3])
def test_weights_of_one_are_no_weights(label_smoothing):
    plain = training_loss(label_smoothing, None)
    weighted = training_loss(label_smoothing, np.ones(3, "float32"))
    assert isinstance(plain, keras.losses.CategoricalCrossentropy)
    assert float(weighted(TARGETS, PROBABILITIES)) == pytest.approx(
        float(plain(TARGETS, PROBABILITIES)), rel=1e-6
    )


def kernel_after_a_step(images, labels, weights, *, parts=1, label_smoothing=0.0):
    """Returns a softmax classifier's kernel after one step of SGD in equal parts."""
    keras.utils.set_random_seed(3)
    layer = keras.layers.Dense(3, activation="softmax", kernel_initializer="zeros")
    model = keras.Sequential([keras.Input((4,)), layer])
    model.compile(
        keras.optimizers.SGD(1.0, gradient_accumulation_steps=parts if parts > 1 else None),
        loss=training_loss(label_smoothing, weights),
    )
    targets = np.eye(3, dtype="float32")[labels]
    model.fit(images, targets, batch_size=len(images) // parts, shuffle=False, verbose=0)
    return np.asarray(model.get_weights()[0])


@pytest.mark.parametrize("label_smoothing", [0.0, 0.2])
def test_a_step_is_that_of_repeating_the_images_of_rare_classes(label_smoothing):
    images = np.random.default_rng(0).normal(size=(7, 4)).astype("float32")
    times = np.array([1, 1, 1, 1, 2, 2, 4])  # so that every class has four
    weighted = kernel_after_a_step(
        images, LABELS, balanced_weights(LABELS, 3), label_smoothing=label_smoothing
    )
    repeated = kernel_after_a_step(
        images.repeat(times, axis=0), LABELS.repeat(times), None, label_smoothing=label_smoothing
    )
    np.testing.assert_allclose(weighted, repeated, rtol=1e-4, atol=1e-6)
    plain = kernel_after_a_step(images, LABELS, None, label_smoothing=label_smoothing)
    assert np.abs(plain - repeated).max() > 0.01


def test_a_step_in_parts_is_the_step():
    images = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
    labels = np.array([0, 0, 0, 0, 0, 1, 1, 2])
    weights = balanced_weights(labels, 3)
    whole = kernel_after_a_step(images, labels, weights)
    parts = kernel_after_a_step(images, labels, weights, parts=2)
    np.testing.assert_allclose(parts, whole, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_both_stages_of_frozen_have_the_weights(tmp_path, monkeypatch, caplog):
    draw_photos(tmp_path / "photos", {"train": 4, "test": 1})
    for index in range(2):
        next((tmp_path / "photos/train/red").glob(f"photo{index}.*")).unlink()
    settings = {"recipe": "frozen", "val_fraction": 0.0, "finetune_epochs": 1, "views": 1}
    config = small_config(
        tmp_path / "photos", tmp_path / "run", class_weights="balanced", **settings
    ).resolve()
    given = []
    monkeypatch.setattr(stages, "fit", lambda *_, weights, **__: given.append(weights) or [])
    (tmp_path / "run").mkdir()
    with caplog.at_level(logging.INFO, "fgmix"):
        dataset = load_dataset(config.dataset)
        fit_stages(build_model(config, 3, "float32"), config, dataset, tmp_path / "run")
    np.testing.assert_allclose(given, [[10 / 12, 10 / 12, 10 / 6]] * 2, rtol=1e-6)
    line = "class weights: from 0.833 (blue) to 1.67 (red), mean 1 over the training photos"
    assert [r.getMessage() for r in caplog.records].count(line) == 1
