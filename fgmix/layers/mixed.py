"""The paper's mixed attention (MA), equation 4."""

from typing import Any

import keras
from keras import ops

from fgmix.layers.channel import ChannelAttention
from fgmix.layers.merge import build_merge, merge
from fgmix.layers.numerics import Shape, Tensor
from fgmix.layers.spatial import SpatialAttention


@keras.saving.register_keras_serializable(package="fgmix")
class MixedAttention(keras.layers.Layer):
    """Concatenates channel and spatial attention and merges them: `X = F_merge([X_c, X_s])`.

    `F_merge` is a 1 x 1 convolution from `2C` back to `C` channels with a bias and no
    normalisation or activation: `2 C^2 + C` parameters, most of what the layer costs. The two
    branches have excitations of their own.

    Args:
        reduction: Channels per hidden unit of both excitations. At least 1.
        gate: The gate of the spatial branch: `"linear"`, `"sigmoid"` or `"softmax"`.

    Input shape:
        `(batch, height, width, channels)`: the feature map `U`.

    Output shape:
        The same.

    In float16 the merge runs in float32, because sums over the quadratic spatial branch pass
    65504 on features that each fit; the result is held inside float16's range. In bfloat16 and
    float32 it runs in the layer's own dtype.

    Reference:
        Equation 4 and section II.C of the paper.
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
        """The mean over the positions of what the layer gives, for a fraction of the work.

        A 1 x 1 convolution of a mean is the mean of the convolution, so that `F_merge` runs on one
        position. Channel attention too may be given the mean, and spatial attention alone sees
        the map.

        Args:
            features: `(batch, height, width, channels)`.

        Returns:
            `(batch, 1, 1, channels)`.
        """
        mean = ops.mean(features, axis=(1, 2), keepdims=True)
        attended = ops.mean(self.spatial(features), axis=(1, 2), keepdims=True)
        return merge(self.merge, self.channel(mean), attended)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "reduction": self.channel.excitation.reduction,
            "gate": self.spatial.gate,
        }
