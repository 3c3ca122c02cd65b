"""Mixed attention (MA), the paper's equation 4."""

from typing import Any

import keras
from keras import ops

from fgmix.layers.channel import ChannelAttention
from fgmix.layers.merge import build_merge, merge
from fgmix.layers.numerics import Shape, Tensor
from fgmix.layers.spatial import SpatialAttention


@keras.saving.register_keras_serializable(package="fgmix")
class MixedAttention(keras.layers.Layer):
    """Concatenates and merges channel and spatial attention: `X = F_merge([X_c, X_s])`.

    `F_merge` is a 1 x 1 convolution from `2C` to `C` channels with a bias and without
    normalisation or activation. Its `2 C^2 + C` parameters are most of the layer's. Each branch
    has its own excitation.

    If the layer computes in float16, the merge computes in float32, because sums over the
    quadratic spatial branch can exceed 65504 even if no single feature does; the result is clipped
    to float16's range. In bfloat16 and float32 the merge computes in the layer's own dtype.

    Args:
        reduction: Number of channels per hidden unit of both excitations. At least 1.
        gate: The gate of the spatial branch: `"linear"`, `"sigmoid"` or `"softmax"`.

    Input shape:
        `(batch, height, width, channels)`: the feature map `U`.

    Output shape:
        Same as the input: `X`.

    Raises:
        ValueError: If `gate` is not one of the three, or `reduction` is less than 1.

    Reference:
        Equation 4 and section II.C of the paper.

    Example:
        >>> features = keras.random.normal((2, 7, 7, 32))
        >>> attention = MixedAttention(reduction=8)
        >>> tuple(attention(features).shape)
        (2, 7, 7, 32)
        >>> attention.merge.count_params()  # 2 * 32 * 32 + 32
        2080
    """

    def __init__(self, reduction: int = 16, gate: str = "linear", **kwargs: Any):
        super().__init__(**kwargs)
        self.channel = ChannelAttention(reduction, dtype=self.dtype_policy, name="channel")
        self.spatial = SpatialAttention(reduction, gate, dtype=self.dtype_policy, name="spatial")

    def build(self, input_shape: Shape) -> None:
        self.merge = build_merge(self, input_shape)
        self.channel.build(input_shape)
        self.spatial.build(input_shape)

    def call(self, features: Tensor) -> Tensor:
        return merge(self.merge, self.channel(features), self.spatial(features))

    def mean(self, features: Tensor) -> Tensor:
        """Returns the mean of the layer's output over the positions, at a fraction of the cost.

        The mean of a 1 x 1 convolution equals the convolution of the mean, so `F_merge` runs on
        a single position. So does channel attention; only the weights of spatial attention need
        the whole map.

        Args:
            features: `(batch, height, width, channels)`.

        Returns:
            `(batch, 1, 1, channels)`.
        """
        # The same operation as in `Excitation`, so that a compiled step computes it once.
        mean = ops.mean(features, axis=(1, 2))[:, None, None]
        return merge(self.merge, self.channel(mean), self.spatial.mean(features))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "reduction": self.channel.excitation.reduction,
            "gate": self.spatial.gate,
        }
