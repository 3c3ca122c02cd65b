"""Squeeze and excitation: the two small dense layers that both attentions share."""

from typing import Any

import keras
from keras import ops

from fgmix.layers.numerics import Shape, Tensor


@keras.saving.register_keras_serializable(package="fgmix")
class Excitation(keras.layers.Layer):
    """One number a channel, from the channel means: `e = W2 relu(W1 z + b1) + b2`.

    `z` is the mean of the feature map over its positions (`F_sq`), `W1` maps `C` channels to
    `h = max(1, C // reduction)` hidden units and `W2` maps them back (`F_ex` without its last
    activation, which is what tells channel attention from spatial attention).

    It computes in the dtype of its variables, float32 under mixed precision: the mean of 49
    half-precision numbers loses digits and the work is too small for that to buy anything.

    Args:
        reduction: The factor by which the hidden units are fewer than the channels. At least 1.

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        `(batch, channels)`.

    Raises:
        ValueError: If `reduction` is less than 1.

    Reference:
        Hu, Shen, Sun, *Squeeze-and-Excitation Networks*, CVPR 2018; section II.A of the paper.
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
        """The two dense layers alone, on any `z` of one number a channel.

        Args:
            squeezed: `(batch, channels)`.

        Returns:
            `(batch, channels)`.
        """
        return self.expand(self.reduce(squeezed))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], input_shape[-1])

    def compute_output_spec(self, features: Tensor) -> keras.KerasTensor:
        return keras.KerasTensor(self.compute_output_shape(features.shape), self.variable_dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "reduction": self.reduction}
