"""BatchNorm folded into the layer before it gives the same output."""

import keras
import numpy as np
import pytest
from keras import layers

from fgmix.models import build_classifier
from fgmix.models.folding import find_foldable, folded
from fgmix.training.precision import policy


def randomize(model):
    """Gives all weights values that differ from the initial ones, and returns the model."""
    rng = np.random.default_rng(0)
    for weight in model.weights:
        low = 0.5 if weight.name in ("gamma", "moving_variance") else -0.5
        weight.assign(rng.uniform(low, low + 1, weight.shape))
    return model


def of(*chain):
    """A model of layers one after the other, with random weights."""
    images = x = keras.Input((6, 5, 4))
    for layer in chain:
        x = layer(x)
    return randomize(keras.Model(images, x))


def norm(**settings):
    return layers.BatchNormalization(**settings)


def inside():
    images = keras.Input((6, 5, 4))
    return keras.Model(images, norm()(layers.Conv2D(3, 3)(images)), name="inside")


def used_twice():
    images = keras.Input((6, 5, 4))
    features = layers.Conv2D(4, 1)(images)
    return randomize(keras.Model(images, layers.Add()([norm()(features), features])))


def an_output_too():
    images = keras.Input((6, 5, 4))
    features = layers.Conv2D(4, 1)(images)
    return randomize(keras.Model(images, [norm()(features), features]))


def called_twice():
    images, layer = keras.Input((6, 5, 4)), layers.Conv2D(4, 1)
    return randomize(keras.Model(images, norm()(layer(layer(images)))))


def after_concatenation():
    images = keras.Input((6, 5, 4))
    both = layers.Concatenate()([layers.Conv2D(3, 1)(images), layers.Conv2D(2, 1)(images)])
    return randomize(keras.Model(images, norm()(both)))


FOLDED = {
    "convolution": lambda: of(layers.Conv2D(5, 3, strides=2, use_bias=False), norm()),
    "convolution with bias": lambda: of(layers.Conv2D(5, 3, padding="same"), norm(epsilon=0.1)),
    "grouped": lambda: of(layers.Conv2D(6, 3, groups=2), norm()),
    "depthwise": lambda: of(layers.DepthwiseConv2D(3, use_bias=False), norm()),
    "depthwise of two": lambda: of(layers.DepthwiseConv2D(3, depth_multiplier=2), norm()),
    "separable": lambda: of(layers.SeparableConv2D(6, 3, use_bias=False), norm()),
    "dense": lambda: of(layers.Flatten(), layers.Dense(7), norm(), layers.ELU()),
    "dense of maps": lambda: of(layers.Dense(7, use_bias=False), norm()),
    "without scale and center": lambda: of(layers.Conv2D(5, 3), norm(scale=False, center=False)),
    "in a model inside": lambda: of(inside()),
}
KEPT = {
    "before the convolution": lambda: of(norm(), layers.Conv2D(5, 3)),
    "after an activation": lambda: of(layers.Conv2D(5, 3, activation="relu"), norm()),
    "after padding": lambda: of(layers.Conv2D(5, 3), layers.ZeroPadding2D(), norm()),
    "on another axis": lambda: of(layers.Conv2D(5, 3), norm(axis=1)),
    "after a concatenation": after_concatenation,
    "of an output used twice": used_twice,
    "of an output of the model": an_output_too,
    "of a layer called twice": called_twice,
}


def run(model, images, found=()):
    with folded(found), keras.StatelessScope([pair for one in found for pair in one.values]):
        return keras.tree.map_structure(np.asarray, model(images, training=False))


@pytest.mark.parametrize("name", FOLDED)
def test_the_layer_before_computes_it(name):
    model = FOLDED[name]()
    images = np.random.default_rng(1).normal(size=(2, *model.input_shape[1:])).astype("float32")
    expected = run(model, images)
    found = find_foldable(model)
    assert len(found) == 1
    np.testing.assert_allclose(run(model, images, found), expected, rtol=1e-5, atol=1e-5)
    one = found[0].norm
    one.moving_mean.assign(one.moving_mean + 1)  # no longer used inside the context only
    np.testing.assert_allclose(run(model, images, found), expected, rtol=1e-5, atol=1e-5)
    assert np.abs(run(model, images) - expected).max() > 0.1


@pytest.mark.parametrize("name", KEPT)
def test_it_stays_where_nothing_before_can_compute_it(name):
    assert find_foldable(KEPT[name]()) == []


def test_it_stays_in_half_precision():
    with policy("bfloat16"):
        model = of(layers.Conv2D(5, 3), norm())
    assert find_foldable(model) == []


def test_all_of_a_classifier_are_folded():
    model = build_classifier(3, "tiny", "mixed", weights="none", image_size=32, head_bn="both")
    kept = {"head_bn_before"}  # after pooling
    norms = {x.name for x in model.layers if isinstance(x, layers.BatchNormalization)}
    assert {one.norm.name for one in find_foldable(model)} == norms - kept
