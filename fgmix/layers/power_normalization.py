"""Power normalisation of pooled features, for a linear classifier on them."""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from fgmix.layers.numerics import Shape, Tensor

EPSILON = 1e-3
"""Added under the root, whose slope at zero would be infinite."""


@keras.saving.register_keras_serializable(package="fgmix")
class PowerNormalization(keras.layers.Layer):
    """Takes the signed square root of every channel, divides by the root mean square, and centres.

    `r = x / sqrt(|x| + 0.001)`, then `r / sqrt(mean(r^2)) - center`. The root brings channels with
    rare, large activations into the range of the others; the common length makes images of weak
    and strong contrast alike. Always computed in float32.

    With `parts`, the root mean square is that of each part, and the parts have shares of the common
    length. So neither the number of channels of a part nor its contrast decides what it counts.

    `center` is a weight that is not trained: zeros, until a probe sets the mean of its training
    images (`fgmix.training.start`).

    Args:
        parts: The channels of each part, in order, and its relative length; None for one part.

    Input shape:
        `(batch, channels)`.

    Output shape:
        Same as the input, float32.

    Reference:
        Perronnin, Sánchez and Mensink, *Improving the Fisher Kernel for Large-Scale Image
        Classification*, 2010.

    Example:
        >>> rows = keras.ops.convert_to_tensor([[9.0, 16.0]])
        >>> [round(float(value), 2) for value in PowerNormalization()(rows)[0]]
        [0.85, 1.13]
    """

    def __init__(self, parts: Sequence[tuple[int, float]] | None = None, **kwargs: Any):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.parts = None if parts is None else [(int(size), float(part)) for size, part in parts]

    def build(self, input_shape: Shape) -> None:
        self.center = self.add_weight(
            name="center", shape=(input_shape[-1],), initializer="zeros", trainable=False
        )

    def call(self, features: Tensor) -> Tensor:
        roots = features * ops.rsqrt(ops.abs(features) + EPSILON)
        if self.parts is None:
            return _to_length(roots, 1.0) - self.center
        channels = sum(size for size, _ in self.parts)
        whole = math.sqrt(sum(part**2 for _, part in self.parts))
        normalized, first = [], 0
        for size, part in self.parts:
            length = part / whole * math.sqrt(channels / size)
            normalized.append(_to_length(roots[..., first : first + size], length))
            first += size
        return ops.concatenate(normalized, axis=-1) - self.center

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "parts": self.parts}


def _to_length(roots: Tensor, length: float) -> Tensor:
    """Returns rows with this root mean square."""
    square = ops.mean(ops.square(roots), axis=-1, keepdims=True)
    return length * roots * ops.rsqrt(square + 1e-12)
