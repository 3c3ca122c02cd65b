"""BatchNorm with TensorFlow's fused kernel."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import takewhile
from typing import Any

import keras

FUSED = ("float32", "bfloat16", "float16")
"""Input dtypes of the kernel. Statistics, scale and offset are float32 for all of them."""


@contextmanager
def fused_batch_norm(model: keras.Model) -> Iterator[None]:
    """Computes BatchNorm with `FusedBatchNormV3` in graphs that are traced inside this context.

    Keras computes BatchNorm with a dozen operations, each of which reads the whole feature map.
    On a CPU they take half of the time of a training step of MobileNetV2. The fused kernel computes
    the same function in one operation, which TensorFlow merges with the preceding convolution in
    inference.

    Two cases are left to Keras. A layer that is frozen in a training step while layers before it
    are trained: the gradient of the kernel in inference mode is slower, and not deterministic on a
    GPU. And every layer on JAX, whose compiler fuses the operations itself.

    Args:
        model: The model. Its layers are restored on exit; graphs traced meanwhile keep the kernel.
    """
    listed = list(_layers(model)) if keras.backend.backend() == "tensorflow" else []
    layers = [layer for layer in listed if _can_be_fused(layer)]
    # Keras lists layers in the order of computation.
    before_trained = list(takewhile(lambda layer: not layer.trainable_weights, listed))
    for layer in layers:
        layer.call = _fused(layer, without_gradient=layer in before_trained)
    try:
        yield
    finally:
        for layer in layers:
            del layer.call


def infer(model: keras.Model, images: Any) -> Any:
    """Calls a model in inference mode with fused BatchNorm, for use while a graph is traced.

    Args:
        model: The model.
        images: Its input.

    Returns:
        The model's output.
    """
    with fused_batch_norm(model):
        return model(images, training=False)


def _layers(model: keras.Model) -> Iterator[keras.Layer]:
    """Yields a model's layers and those of the models inside it, in the order of computation."""
    for layer in model.layers:
        if isinstance(layer, keras.Model) and getattr(layer, "inputs", None):
            yield from _layers(layer)
        else:
            yield layer


def _can_be_fused(layer: keras.Layer) -> bool:
    return (
        type(layer) is keras.layers.BatchNormalization  # a subclass may compute something else
        and "call" not in vars(layer)  # not fused already
        and layer.built
        and layer.input_spec.ndim == 4
        and layer.axis in (-1, 3)
        and not layer.renorm
        and layer.compute_dtype in FUSED
    )


def _fused(layer: keras.layers.BatchNormalization, without_gradient: bool) -> Callable[..., Any]:
    """Returns the replacement of `layer.call`."""
    import tensorflow as tf

    plain = layer.call

    def call(inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        frozen = bool(training) and not layer.trainable
        if mask is not None or (frozen and not without_gradient):
            return plain(inputs, training=training, mask=mask)
        training = bool(training) and not frozen
        channels = inputs.shape[-1]
        of_batch = tf.zeros(0)  # empty: the kernel computes the statistics of the batch
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
            # The kernel returns the unbiased variance (n - 1); Keras averages the biased one (n).
            count = tf.cast(tf.size(inputs) // channels, "float32")
            variance *= tf.maximum(count - 1, 1) / count
            for average, found in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
                average.assign(average * layer.momentum + found * (1 - layer.momentum))
        return y

    return call
