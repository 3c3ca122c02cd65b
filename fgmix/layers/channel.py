"""Channel attention (CA), the paper's equation 1."""

from typing import Any

import keras
from keras import ops

from fgmix.layers.excitation import Excitation
from fgmix.layers.numerics import Shape, Tensor, scale


@keras.saving.register_keras_serializable(package="fgmix")
class ChannelAttention(keras.layers.Layer):
    """Scales every channel by a weight between 0 and 1: `X_c = U * sigmoid(e)`.

    `e` is the output of `Excitation`, one number per channel. This is the Squeeze-and-Excitation
    block.

    Args:
        reduction: Number of channels per hidden unit of the excitation. At least 1.

    Input shape:
        `(batch, height, width, channels)`: the feature map `U`.

    Output shape:
        Same as the input: `X_c`.

    Raises:
        ValueError: If `reduction` is less than 1.

    Reference:
        Equation 1 of the paper; Hu, Shen, Sun, *Squeeze-and-Excitation Networks*, CVPR 2018.

    Example:
        >>> features = keras.random.normal((2, 7, 7, 32))
        >>> tuple(ChannelAttention(reduction=8)(features).shape)
        (2, 7, 7, 32)
    """

    def __init__(self, reduction: int = 16, **kwargs: Any):
        super().__init__(**kwargs)
        self.excitation = Excitation(reduction, dtype=self.dtype_policy, name="excitation")

    def build(self, input_shape: Shape) -> None:
        self.excitation.build(input_shape)

    def call(self, features: Tensor) -> Tensor:
        weights = ops.sigmoid(self.excitation(features))[:, None, None, :]
        return scale(features, weights)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "reduction": self.excitation.reduction}
