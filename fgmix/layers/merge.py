"""The merge of two feature maps (`F_merge` of the paper), in mixed attention and its control."""

import keras
from keras import ops

from fgmix.layers.numerics import Shape, Tensor, narrow


def build_merge(layer: keras.layers.Layer, input_shape: Shape) -> keras.layers.Conv2D:
    """Builds the 1 x 1 convolution, with bias, from `2C` channels back to `C`.

    In float16 it computes in float32, because sums over features that each fit pass 65504. In
    bfloat16 and float32 it computes in the dtype of `layer`.

    Args:
        layer: The layer whose part it becomes, as its attribute `merge`.
        input_shape: Of one of the two feature maps: `(batch, height, width, C)`.
    """
    channels = input_shape[-1]
    wide = layer.variable_dtype if layer.compute_dtype == "float16" else layer.dtype_policy
    convolution = keras.layers.Conv2D(channels, 1, dtype=wide, name="merge")
    convolution.build((*input_shape[:-1], 2 * channels))
    return convolution


def merge(convolution: keras.layers.Conv2D, first: Tensor, second: Tensor) -> Tensor:
    """`F_merge([first, second])`, in the dtype of the two and held inside float16's range.

    Args:
        convolution: What `build_merge` gave.
        first: `(batch, height, width, C)`.
        second: The same.

    Returns:
        `(batch, height, width, C)`.
    """
    return narrow(convolution(ops.concatenate([first, second], axis=-1)), first.dtype)
