"""The control of mixed attention: its merge convolution without its attention."""

import keras

from fgmix.layers.merge import build_merge, merge
from fgmix.layers.numerics import Shape, Tensor


@keras.saving.register_keras_serializable(package="fgmix")
class ConcatenatedConvolution(keras.layers.Layer):
    """Merges the feature map with itself: `X = F_merge([U, U])`.

    Mixed attention brings a 1 x 1 convolution of `2 C^2 + C` parameters, most of all that it
    adds. A gain that this layer has too is that convolution's and not the attention's.

    Input shape:
        `(batch, height, width, channels)`: the feature map `U`.

    Output shape:
        The same.
    """

    def build(self, input_shape: Shape) -> None:
        self.merge = build_merge(self, input_shape)

    def call(self, features: Tensor) -> Tensor:
        return merge(self.merge, features, features)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape
