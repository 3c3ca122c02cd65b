"""Image normalisation: from RGB in [0, 255] to the input that a backbone was trained on."""

from typing import Any

import keras
from keras import ops

from fgmix.layers.numerics import Shape, Tensor


@keras.saving.register_keras_serializable(package="fgmix")
class ImageNormalization(keras.layers.Layer):
    """Computes `x * scale + offset`, on BGR channels if `bgr` is set.

    `keras.layers.Rescaling` computes the same but needs TensorFlow on every Keras backend.

    Args:
        scale: The factor, one number for all channels or a list of one per channel.
        offset: Added after scaling; one number for all channels or a list of one per channel.
        bgr: Whether to reverse RGB to BGR first, as weights converted from Caffe expect.

    Input shape:
        `(batch, height, width, 3)`, RGB in [0, 255].

    Output shape:
        Same as the input.

    Example:
        >>> to_unit_range = ImageNormalization(scale=1 / 127.5, offset=-1.0)
        >>> images = keras.ops.full((1, 2, 2, 3), 255.0)
        >>> float(keras.ops.max(to_unit_range(images)))
        1.0
    """

    def __init__(
        self,
        scale: float | list[float] = 1.0,
        offset: float | list[float] = 0.0,
        bgr: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.scale, self.offset, self.bgr = scale, offset, bgr

    def call(self, images: Tensor) -> Tensor:
        if self.bgr:
            images = ops.flip(images, axis=-1)
        scale = ops.convert_to_tensor(self.scale, images.dtype)
        return images * scale + ops.convert_to_tensor(self.offset, images.dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "scale": self.scale, "offset": self.offset, "bgr": self.bgr}
