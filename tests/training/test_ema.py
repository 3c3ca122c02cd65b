"""The EMA of the weights, against a NumPy loop over the weights after each step."""

import os
import subprocess
from pathlib import Path

import keras
import numpy as np
import pytest

from fgmix.config.recipes import RECIPES
from fgmix.data.sources.registry import load_dataset
from fgmix.evaluation.evaluate import evaluate
from fgmix.training.callbacks import EpochLog
from fgmix.training.ema import TrainedModel, WeightEMA
from fgmix.training.inputs import image_inputs
from fgmix.training.trainer import build_model, fit
from tests.forked import forked
from tests.trained_runs import small_config

ROOT = Path(__file__).parents[2]
STEPS = 14


def trained(momentum, parts=1, dtype="float32"):
    """Returns a small model with BatchNorm, compiled with an EMA of its weights."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((3,))
    x = keras.layers.Dense(4, dtype=dtype)(inputs)
    x = keras.layers.BatchNormalization(dtype=dtype)(x)
    model = TrainedModel(inputs, keras.layers.Dense(2, dtype="float32")(x))
    optimizer = keras.optimizers.SGD(0.1, gradient_accumulation_steps=parts if parts > 1 else None)
    by_path = {variable.path: optimizer for variable in model.trainable_variables}
    optimizer = keras.optimizers.MultiOptimizer(keras.optimizers.OptimizerMap(optimizer, by_path))
    if dtype == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    model.track_ema(WeightEMA(model.weights, momentum, parts))
    model.compile(optimizer, "mse", metrics=["mae"])
    return model


def values(variables):
    return [np.asarray(variable).copy() for variable in variables]


def batches(count=STEPS):
    rng = np.random.default_rng(0)
    return [(rng.normal(size=(8, 3)), rng.normal(size=(8, 2))) for _ in range(count)]


CASES = [
    (0.6, 1, "float32"),
    (0.999, 1, "float32"),
    (0.6, 2, "float32"),
    (0.6, 1, "mixed_float16"),
]


@pytest.mark.parametrize(("momentum", "parts", "dtype"), CASES)
def test_it_is_a_loop_over_the_weights_after_each_step(momentum, parts, dtype):
    model = trained(momentum, parts, dtype)
    average = model.ema
    expected = values(average.weights)
    for number, (x, y) in enumerate(batches(), start=1):
        model.train_on_batch(x, y)
        if number % parts:
            continue
        done = number // parts
        share = min(momentum, (1 + done) / (10 + done))
        expected = [
            share * one + (1 - share) * weight
            for one, weight in zip(expected, values(average.weights), strict=True)
        ]
    assert len(expected) == 8  # with BatchNorm's statistics
    for one, other in zip(average.averages, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    assert any(
        np.abs(one - weight).max() > 0.01
        for one, weight in zip(expected, values(average.weights), strict=True)
    )


def test_it_is_measured_and_the_weights_are_put_back():
    model = trained(0.9)
    for x, y in batches():
        model.train_on_batch(x, y)
    before, (x, y) = values(model.variables), batches(1)[0]
    found = model.evaluate(x, y, verbose=0, return_dict=True)
    for one, other in zip(before, values(model.variables), strict=True):
        np.testing.assert_array_equal(one, other)
    model.ema.finish()
    for weight, average in zip(model.ema.weights, model.ema.averages, strict=True):
        np.testing.assert_array_equal(weight, average)
    answers = np.asarray(model(x, training=False))
    assert found["mae"] == pytest.approx(np.abs(answers - y).mean(), rel=1e-5)


@pytest.mark.slow
def test_on_jax_it_is_the_same_loop():
    pytest.importorskip("jax", reason="jax is not installed")
    code = (
        "import keras, sys; assert keras.backend.backend() == 'jax'\n"
        "from tests.training.test_ema import CASES, "
        "test_it_is_a_loop_over_the_weights_after_each_step as check\n"
        "for case in CASES[:3]: check(*case)\n"
        "print('done')"
    )
    done = subprocess.run(
        [*forked("jax"), "-c", code],
        env={**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "done", done.stderr


@pytest.mark.slow
def test_a_smaller_model_is_measured_by_the_larger():
    model = trained(0.9)
    other = TrainedModel(model.inputs, model.outputs)
    other.full_size = lambda: model
    other.track_ema(model.ema)
    assert all(a is b for a, b in zip(other.variables, model.variables, strict=True))
    for x, y in batches(3):
        model.train_on_batch(x, y)
    x, y = batches(1)[0]
    expected = model.evaluate(x, y, verbose=0), model.predict(x, verbose=0)
    assert other.compiled is False
    assert other.evaluate(x, y, verbose=0) == expected[0]
    np.testing.assert_array_equal(other.predict(x, verbose=0), expected[1])
    assert np.any(expected[1] != np.asarray(model(x, training=False)))


def test_an_error_while_it_is_measured_leaves_the_weights():
    model = trained(0.9)
    for x, y in batches(3):
        model.train_on_batch(x, y)
    before = values(model.variables)
    with pytest.raises(ZeroDivisionError), model.ema.in_place():
        raise ZeroDivisionError
    for one, other in zip(before, values(model.variables), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_the_average_is_validated_and_becomes_the_classifier(photos, tmp_path, monkeypatch):
    config = small_config(
        photos,
        tmp_path,
        recipe=RECIPES["strong"].replace(ema=0.5, label_smoothing=0.0),
        val_fraction=0.0,
        monitor_test=True,
    ).resolve()
    dataset = load_dataset(config.dataset)
    model = build_model(config, 3, "float32")
    after = []
    end = EpochLog.on_epoch_end

    def end_and_copy(self, epoch, logs=None):
        after[:] = values(self.model.ema.weights)
        end(self, epoch, logs)

    monkeypatch.setattr(EpochLog, "on_epoch_end", end_and_copy)
    rows = fit(model, config, image_inputs(config, dataset), tmp_path)
    assert any(
        np.any(one != other) for one, other in zip(after, values(model.weights), strict=True)
    )
    found = evaluate(model, dataset, "test").metrics
    np.testing.assert_allclose(rows[-1]["test_accuracy"], found["top1"], rtol=1e-5)
    np.testing.assert_allclose(rows[-1]["test_loss"], found["loss"], rtol=1e-4)
