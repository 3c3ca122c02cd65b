"""The merge of two feature maps (the paper's `F_merge`), for mixed attention and its control."""

from typing import Any

import keras
from keras import ops

from fgmix.layers.numerics import Shape, Tensor, narrow


class PointwiseConvolution(keras.layers.Conv2D):
    """A 1 x 1 convolution, computed as the matrix product that it is.

    On a single position, TensorFlow's gradient of a convolution of thousands of channels takes
    several times as long on the CPU (`benchmarks/speed/merge_gradient.py`).

    Args:
        filters: Number of output channels.
    """

    def __init__(self, filters: int, **kwargs: Any):
        super().__init__(filters, 1, **kwargs)

    def call(self, inputs: Tensor) -> Tensor:
        product = ops.tensordot(inputs, ops.squeeze(self.kernel, (0, 1)), axes=1)
        return ops.add(product, self.bias)


def build_merge(layer: keras.layers.Layer, input_shape: Shape) -> PointwiseConvolution:
    """Builds the 1 x 1 convolution with bias that maps `2C` channels to `C`.

    If `layer` computes in float16, the convolution computes in float32, because its sums can
    exceed float16's largest value (65504) even if no single feature does. In bfloat16 and float32
    it computes in the dtype of `layer`.

    Args:
        layer: The layer that the convolution belongs to.
        input_shape: Shape of one of the two feature maps: `(batch, height, width, C)`.

    Returns:
        The built convolution, named `merge`.
    """
    channels = input_shape[-1]
    wide = layer.variable_dtype if layer.compute_dtype == "float16" else layer.dtype_policy
    convolution = PointwiseConvolution(channels, dtype=wide, name="merge")
    convolution.build((*input_shape[:-1], 2 * channels))
    return convolution


def merge(convolution: PointwiseConvolution, first: Tensor, second: Tensor) -> Tensor:
    """Returns `F_merge([first, second])`, clipped to float16's range if the inputs are float16.

    Args:
        convolution: The convolution from `build_merge`.
        first: `(batch, height, width, C)`.
        second: `(batch, height, width, C)`, of the same dtype.

    Returns:
        `(batch, height, width, C)`, in the dtype of `first`.
    """
    return narrow(convolution(ops.concatenate([first, second], axis=-1)), first.dtype)
