"""CBAM (convolutional block attention module), a published alternative to mixed attention."""

from typing import Any

import keras
from keras import ops

from fgmix.layers.excitation import Excitation
from fgmix.layers.numerics import Shape, Tensor, scale

KERNEL_SIZE = 7


@keras.saving.register_keras_serializable(package="fgmix")
class CBAM(keras.layers.Layer):
    """Scales channels by `M_c`, then positions by `M_s`: `F' = M_c(F) F`, `F'' = M_s(F') F'`.

    `M_c(F) = sigmoid(MLP(mean of F) + MLP(max of F))`, with mean and maximum over the positions
    and the same `MLP` (the two dense layers of `Excitation`) for both. `M_s(F') = sigmoid(f([mean
    of F', max of F']))`, with mean and maximum over the channels and a zero-padded 7 x 7
    convolution `f`.

    The dense layers and the convolution have biases, which the paper's equations omit. The authors'
    released code replaces the bias of the 7 x 7 convolution by a BatchNorm after it; the paper does
    not mention a BatchNorm, and this layer has none.

    Both gates are computed in the dtype of the layer's variables, float32 under mixed precision.

    Args:
        reduction: Number of channels per hidden unit of the `MLP`. At least 1.

    Input shape:
        `(batch, height, width, channels)`: the feature map `F`.

    Output shape:
        Same as the input: the refined feature map `F''`.

    Raises:
        ValueError: If `reduction` is less than 1.

    Reference:
        Woo, Park, Lee, Kweon, *CBAM: Convolutional Block Attention Module*, ECCV 2018, section 3.

    Example:
        >>> features = keras.random.normal((2, 7, 7, 32))
        >>> tuple(CBAM(reduction=8)(features).shape)
        (2, 7, 7, 32)
    """

    def __init__(self, reduction: int = 16, **kwargs: Any):
        super().__init__(**kwargs)
        self.excitation = Excitation(reduction, dtype=self.dtype_policy, name="excitation")

    def build(self, input_shape: Shape) -> None:
        self.excitation.build(input_shape)
        dtype = self.variable_dtype
        self.conv = keras.layers.Conv2D(1, KERNEL_SIZE, padding="same", dtype=dtype, name="conv")
        self.conv.build((*input_shape[:-1], 2))

    def channel_map(self, features: Tensor) -> Tensor:
        """Returns the channel weights `M_c`, `(batch, 1, 1, channels)`."""
        wide = ops.cast(features, self.variable_dtype)
        excited = [self.excitation.excite(squeeze(wide, (1, 2))) for squeeze in (ops.mean, ops.max)]
        return ops.sigmoid(excited[0] + excited[1])[:, None, None, :]

    def spatial_map(self, features: Tensor) -> Tensor:
        """Returns the position weights `M_s`, `(batch, height, width, 1)`."""
        wide = ops.cast(features, self.variable_dtype)
        squeezed = [squeeze(wide, -1, keepdims=True) for squeeze in (ops.mean, ops.max)]
        return ops.sigmoid(self.conv(ops.concatenate(squeezed, axis=-1)))

    def call(self, features: Tensor) -> Tensor:
        refined = scale(features, self.channel_map(features))
        return scale(refined, self.spatial_map(refined))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "reduction": self.excitation.reduction}
