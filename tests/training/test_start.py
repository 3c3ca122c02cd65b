"""A linear head starts as a probe, and the final weights lie between start and end."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

import fgmix
from fgmix.data.sources.registry import load_dataset
from fgmix.evaluation.evaluate import evaluate
from fgmix.runs.run import Run
from fgmix.training import interpolation
from fgmix.training.inputs import Measured
from fgmix.training.interpolation import interpolate
from fgmix.training.start import START, start_from_probe
from fgmix.training.trainer import build_model
from tests.trained_runs import small_config


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Returns a weights file for the backbone `tiny`."""
    from fgmix.models.backbones.pretrained import build_features
    from fgmix.models.backbones.registry import BACKBONES

    keras.utils.set_random_seed(3)
    file = tmp_path_factory.mktemp("weights") / "tiny.weights.h5"
    build_features("tiny", BACKBONES["tiny"], 32, "none").save_weights(file)
    return file


def linear_config(photos, run_dir, weights, **changes):
    settings = {"recipe": "strong", "head": "linear", "pooling": "avg", "weights": str(weights)}
    settings |= {"val_fraction": 0.0, "progressive_share": 0.0, "interpolation": "auto"}
    return small_config(photos, run_dir, **(settings | changes)).resolve()


@pytest.mark.slow
@pytest.mark.parametrize("attention", ["none", "mixed"])
def test_the_first_predictions_are_the_probes(photos, tmp_path, weights, attention):
    config = linear_config(photos, tmp_path, weights, attention=attention)
    dataset = load_dataset(config.dataset)
    model = build_model(config, 3, "float32")
    start_from_probe(model, config, dataset, tmp_path)
    assert evaluate(model, dataset, "train").metrics["top1"] > 0.9
    again = build_model(replace(config, seed=1), 3, "float32")
    start_from_probe(again, replace(config, resume=True), dataset, tmp_path)
    for one, other in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_a_run_records_how_far_its_weights_went_and_leaves_no_start(photos, tmp_path, weights):
    config = linear_config(photos, tmp_path / "run", weights, epochs=1, head_lr=0.0)
    result = fgmix.train(replace(config, backbone_lr=0.0))
    assert result.metrics["interpolation"] == 0.5
    assert Run.open(tmp_path / "run").metrics["interpolation"] == 0.5
    assert not (tmp_path / "run" / START).exists()


def line(value, size=100):
    """Returns a one-parameter classifier of two classes, and images to measure it on."""
    inputs = keras.Input((1,))
    outputs = keras.layers.Dense(2, use_bias=False, activation="softmax")(inputs)
    model = keras.Model(inputs, outputs)
    model.set_weights([np.array([[value, 0.0]], "float32")])
    labels = np.eye(2, dtype="float32")[(np.arange(size) % 4 == 0).astype(int)]
    batches = tf.data.Dataset.from_tensor_slices((np.ones((size, 1)), labels)).batch(50)
    return model, Measured(batches, labels)


@pytest.mark.parametrize(
    # Three of four are of class 0, so the best weight is log 3 = 1.1.
    ("start", "end", "share"),
    [(0.0, 1.1, 1.0), (0.0, 4.4, 0.25), (0.0, 2.2, 0.5), (1.1, 5.0, 0.0)],
)
def test_the_share_has_the_smallest_validation_loss(start, end, share):
    model, measured = line(end)
    assert interpolate(model, [np.array([[start, 0.0]], "float32")], measured) == share
    expected = start + share * (end - start)
    np.testing.assert_allclose(model.get_weights()[0], [[expected, 0.0]], rtol=1e-6)


def test_too_few_validation_images_choose_nothing():
    model, measured = line(4.4, interpolation.ENOUGH - 1)
    start = [np.zeros((1, 2), "float32")]
    assert interpolate(model, start, measured) == interpolation.DEFAULT_SHARE
