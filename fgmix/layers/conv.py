"""A control for mixed attention: its merge convolution without its attention."""

import keras

from fgmix.layers.merge import build_merge, merge
from fgmix.layers.numerics import Shape, Tensor


@keras.saving.register_keras_serializable(package="fgmix")
class ConcatenatedConvolution(keras.layers.Layer):
    """Merges the feature map with itself: `X = F_merge([U, U])`.

    Most of the parameters of mixed attention are in its 1 x 1 convolution, `2 C^2 + C` of them.
    A gain in accuracy that this layer reaches too comes from the convolution, not the attention.

    Input shape:
        `(batch, height, width, channels)`: the feature map `U`.

    Output shape:
        Same as the input.

    Example:
        >>> features = keras.random.normal((2, 7, 7, 32))
        >>> tuple(ConcatenatedConvolution()(features).shape)
        (2, 7, 7, 32)
    """

    def build(self, input_shape: Shape) -> None:
        self.merge = build_merge(self, input_shape)

    def call(self, features: Tensor) -> Tensor:
        return merge(self.merge, features, features)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape
