"""BatchNorm with the fused kernel equals Keras's BatchNorm."""

import keras
import numpy as np
import pytest

from fgmix.models import build_classifier
from fgmix.models.fused_batchnorm import fused_batch_norm
from fgmix.training.precision import policy

tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed")

TOLERANCE = {"float32": 1e-5, "bfloat16": 2e-2}


def one_layer(precision="float32", **settings):
    """A model of one layer with weights that differ from the initial ones."""
    with policy(precision):
        images = keras.Input((6, 5, 8))
        layer = keras.layers.BatchNormalization(**settings)
        model = keras.Model(images, layer(images))
    rng = np.random.default_rng(0)
    for variable in layer.variables:
        variable.assign(rng.uniform(0.5, 2, 8))
    return model, layer


def kernels(function):
    return [op.type for op in function.graph.get_operations() if op.type == "FusedBatchNormV3"]


def trained(model, layer, images, seen):
    """Output, gradients and moving averages of a step, and the fused kernels in its graph."""
    before = [np.asarray(v) for v in layer.variables]

    @tf.function
    def step(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = model(x, training=True)
            loss = tf.reduce_sum(tf.sin(tf.cast(y, "float32")))
        return y, *tape.gradient(loss, [x, *(v.value for v in layer.trainable_variables)])

    concrete = step.get_concrete_function(images)
    seen.append(len(kernels(concrete)))
    found = concrete(images)
    after = [np.asarray(v) for v in layer.non_trainable_variables]
    for variable, value in zip(layer.variables, before, strict=True):
        variable.assign(value)
    return [np.asarray(tf.cast(v, "float32")) for v in found] + after


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("settings", [{}, {"scale": False, "center": False}])
@pytest.mark.parametrize("shape", [(4, 6, 5, 8), (1, 1, 1, 8)])
def test_a_training_step_is_the_same(precision, settings, shape):
    model, layer = one_layer(precision, momentum=0.9, **settings)
    model = keras.Model(model.inputs, model.outputs) if shape[1] == 6 else rebuilt(layer)
    images = tf.constant(np.random.default_rng(1).normal(2, 3, shape).astype("float32"))
    seen = []
    expected = trained(model, layer, images, seen)
    with fused_batch_norm(model):
        found = trained(model, layer, images, seen)
    assert seen == [0, 1]
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_allclose(one, other, atol=TOLERANCE[precision], rtol=TOLERANCE[precision])


def rebuilt(layer):
    """The same layer on 1 x 1 feature maps."""
    images = keras.Input((1, 1, 8))
    return keras.Model(images, layer(images))


@pytest.mark.parametrize("trained", [True, False])
def test_a_frozen_layer_is_fused_where_no_gradient_goes_through(trained):
    images = keras.Input((6, 5, 3))
    convolution = keras.layers.Conv2D(8, 1)
    layer = keras.layers.BatchNormalization()
    model = keras.Model(images, keras.layers.Dense(2)(layer(convolution(images))))
    layer.moving_mean.assign(np.arange(8.0))
    layer.trainable, convolution.trainable = False, trained
    photos = tf.constant(np.random.default_rng(1).normal(2, 3, (4, 6, 5, 3)).astype("float32"))

    def step():
        traced = tf.function(lambda x: model(x, training=True)).get_concrete_function(photos)
        return traced(photos), len(kernels(traced))

    expected, before = step()
    with fused_batch_norm(model):
        found, fused = step()
    assert (before, fused) == (0, 0 if trained else 1)
    np.testing.assert_allclose(expected, found, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(layer.moving_mean, np.arange(8.0))


@pytest.mark.parametrize("nested", [False, True])
def test_inference_is_the_same(nested):
    model, _ = one_layer()
    if nested:
        outer = keras.Input((6, 5, 8))
        model = keras.Model(outer, model(outer))
    images = tf.constant(np.random.default_rng(1).normal(2, 3, (4, 6, 5, 8)).astype("float32"))
    expected = model(images, training=False)
    with fused_batch_norm(model):
        found = tf.function(lambda x: model(x, training=False))
        np.testing.assert_allclose(expected, found(images), rtol=1e-6, atol=1e-6)
        assert kernels(found.get_concrete_function(images))


def test_the_layers_are_restored_afterwards(tmp_path):
    model = build_classifier(3, "tiny", "mixed", weights="none", image_size=32)
    layers = [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]
    with pytest.raises(RuntimeError), fused_batch_norm(model):
        fused = [layer for layer in layers if "call" in vars(layer)]
        with fused_batch_norm(model):  # a second time changes nothing
            pass
        assert [layer for layer in layers if "call" in vars(layer)] == fused != []
        raise RuntimeError
    assert not [layer for layer in layers if "call" in vars(layer)]


def test_layers_that_compute_something_else_are_left_to_keras():
    class Other(keras.layers.BatchNormalization):
        pass

    images = keras.Input((4, 4, 2))
    first = keras.layers.BatchNormalization(axis=1)(images)
    second = keras.layers.BatchNormalization(renorm=True)(first)
    third = Other()(second)
    vector = keras.layers.BatchNormalization()(keras.layers.Flatten()(third))
    model = keras.Model(images, vector)
    with fused_batch_norm(model):
        assert not [layer for layer in model.layers if "call" in vars(layer)]
