"""BatchNorm by TensorFlow's fused kernel."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import takewhile
from typing import Any

import keras

FUSED = ("float32", "bfloat16", "float16")
"""The types that the kernel takes; statistics, scale and offset are float32 with each of them."""


@contextmanager
def fused_batch_norm(model: keras.Model) -> Iterator[None]:
    """Makes BatchNorm one operation in what TensorFlow traces of a model meanwhile.

    Keras composes it of a dozen, each of which goes through all of the map: on a CPU that is half
    of the time of a training step of MobileNetV2. `FusedBatchNormV3` is the same function in one
    operation, which TensorFlow joins with the convolution before it where nothing is trained.

    A layer that is frozen in a training step, with others to train before it, is left to Keras: the
    gradient of the kernel in inference mode takes longer, and on a GPU is not deterministic. JAX
    fuses by itself; there nothing is changed.

    Args:
        model: Its layers are afterwards as they were, also when saved. What has been traced stays.
    """
    listed = model.layers if keras.backend.backend() == "tensorflow" else []
    layers = [layer for layer in listed if _can_be_fused(layer)]
    # Keras lists layers in the order in which they are computed.
    before_trained = list(takewhile(lambda layer: not layer.trainable_weights, listed))
    for layer in layers:
        layer.call = _fused(layer, without_gradient=layer in before_trained)
    try:
        yield
    finally:
        for layer in layers:
            del layer.call


def infer(model: keras.Model, images: Any) -> Any:
    """What a model makes of images in inference mode, with BatchNorm fused: for a graph's trace."""
    with fused_batch_norm(model):
        return model(images, training=False)


def _can_be_fused(layer: keras.Layer) -> bool:
    return (
        type(layer) is keras.layers.BatchNormalization  # not one that computes something else
        and "call" not in vars(layer)  # nor what is fused already
        and layer.built
        and layer.input_spec.ndim == 4
        and layer.axis in (-1, 3)
        and not layer.renorm
        and layer.compute_dtype in FUSED
    )


def _fused(layer: keras.layers.BatchNormalization, without_gradient: bool) -> Callable[..., Any]:
    """What stands in for `layer.call`."""
    import tensorflow as tf

    plain = layer.call

    def call(inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        frozen = bool(training) and not layer.trainable
        if mask is not None or (frozen and not without_gradient):
            return plain(inputs, training=training, mask=mask)
        training = bool(training) and not frozen
        channels = inputs.shape[-1]
        of_batch = tf.zeros(0)  # the kernel's sign to take the batch's own
        y, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=tf.cast(layer.gamma, "float32") if layer.scale else tf.ones(channels),
            offset=tf.cast(layer.beta, "float32") if layer.center else tf.zeros(channels),
            mean=of_batch if training else tf.convert_to_tensor(layer.moving_mean),
            variance=of_batch if training else tf.convert_to_tensor(layer.moving_variance),
            epsilon=layer.epsilon,
            is_training=training,
        )
        if training:
            # The kernel divides by one example less; Keras, whose averages these are, doesn't.
            count = tf.cast(tf.size(inputs) // channels, "float32")
            variance *= tf.maximum(count - 1, 1) / count
            for average, found in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
                average.assign(average * layer.momentum + found * (1 - layer.momentum))
        return y

    return call
