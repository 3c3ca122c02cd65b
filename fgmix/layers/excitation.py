"""Squeeze and excitation: the dense layers that channel and spatial attention build on."""

from typing import Any

import keras
from keras import ops

from fgmix.layers.numerics import Shape, Tensor


@keras.saving.register_keras_serializable(package="fgmix")
class Excitation(keras.layers.Layer):
    """Computes one number per channel from the channel means: `e = W2 relu(W1 z + b1) + b2`.

    `z` is the mean of the feature map over its positions (`F_sq`), `W1` maps `C` channels to
    `h = max(1, C // reduction)` hidden units, and `W2` maps them back to `C` channels. This is
    `F_ex` without its last activation, in which channel and spatial attention differ.

    The layer computes in the dtype of its variables, float32 under mixed precision: a mean over
    positions loses precision in half precision, and the layer is too small to gain speed from it.

    Args:
        reduction: Number of channels per hidden unit. At least 1.

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        `(batch, channels)`: `e`.

    Raises:
        ValueError: If `reduction` is less than 1.

    Reference:
        Hu, Shen, Sun, *Squeeze-and-Excitation Networks*, CVPR 2018; section II.A of the paper.

    Example:
        >>> features = keras.random.normal((2, 7, 7, 32))
        >>> tuple(Excitation(reduction=8)(features).shape)
        (2, 32)
    """

    def __init__(self, reduction: int = 16, **kwargs: Any):
        super().__init__(**kwargs)
        if reduction < 1:
            raise ValueError(f"reduction must be at least 1, not {reduction}")
        self.reduction = reduction

    def build(self, input_shape: Shape) -> None:
        channels = input_shape[-1]
        hidden = max(1, channels // self.reduction)
        dtype = self.variable_dtype
        self.reduce = keras.layers.Dense(hidden, activation="relu", dtype=dtype, name="reduce")
        self.expand = keras.layers.Dense(channels, dtype=dtype, name="expand")
        self.reduce.build((None, channels))
        self.expand.build((None, hidden))

    def call(self, features: Tensor) -> Tensor:
        return self.excite(ops.mean(ops.cast(features, self.variable_dtype), axis=(1, 2)))

    def excite(self, squeezed: Tensor) -> Tensor:
        """Applies the two dense layers to a squeezed feature map `z`.

        Args:
            squeezed: `z`, one number per channel: `(batch, channels)`.

        Returns:
            `e`: `(batch, channels)`.
        """
        return self.expand(self.reduce(squeezed))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], input_shape[-1])

    def compute_output_spec(self, features: Tensor) -> keras.KerasTensor:
        return keras.KerasTensor(self.compute_output_shape(features.shape), self.variable_dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "reduction": self.reduction}
