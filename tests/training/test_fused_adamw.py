"""The fused step against Keras's own AdamW."""

import keras
import numpy as np
import pytest

from fgmix.training.fused_adamw import FusedAdamW


def train(optimizer, steps):
    """Returns a matrix and a vector after some steps with gradients of very different sizes."""
    rng = np.random.default_rng(0)
    shapes = {"kernel": (5, 4), "bias": (4,)}
    variables = [
        keras.Variable(rng.normal(1, 0.5, shape).astype("float32"), name=name)
        for name, shape in shapes.items()
    ]
    optimizer.build(variables)
    for step in range(steps):
        gradients = [rng.normal(0, 10.0 ** (step % 5 - 3), v.shape) for v in variables]
        optimizer.apply([keras.ops.convert_to_tensor(g, "float32") for g in gradients], variables)
    return [np.asarray(v) for v in variables]


@pytest.mark.parametrize(
    "settings", [{}, {"weight_decay": 0.0}, {"gradient_accumulation_steps": 3}], ids=str
)
def test_it_steps_as_keras_does(settings):
    schedule = keras.optimizers.schedules.CosineDecay(0.05, 40)
    pairs = zip(
        train(FusedAdamW(schedule, **settings), 30),
        train(keras.optimizers.AdamW(schedule, **settings), 30),
        strict=True,
    )
    for ours, theirs in pairs:
        np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=2e-5)


def test_its_moments_are_those_of_keras():
    ours, theirs = FusedAdamW(0.01), keras.optimizers.AdamW(0.01)
    train(ours, 12)
    train(theirs, 12)
    assert [v.path.split("/", 1)[1] for v in ours.variables] == [
        v.path.split("/", 1)[1] for v in theirs.variables
    ]
    for one, other in zip(ours.variables, theirs.variables, strict=True):
        np.testing.assert_allclose(np.asarray(one), np.asarray(other), rtol=3e-5, atol=1e-6)


def test_the_same_steps_give_the_same_bits():
    first, second = train(FusedAdamW(0.05), 10), train(FusedAdamW(0.05), 10)
    assert all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))


def test_its_config_makes_it_again():
    optimizer = FusedAdamW(0.1, weight_decay=0.3)
    assert FusedAdamW.from_config(optimizer.get_config()).get_config() == optimizer.get_config()
