"""Tokens to a feature map, on which attention and heat maps work as on a convolution's."""

import math
from typing import Any

import keras
from keras import ops

from fgmix.layers.numerics import Shape, Tensor


@keras.saving.register_keras_serializable(package="fgmix")
class TokensToMap(keras.layers.Layer):
    """Lays the patch tokens of a square image out as a map, with the class token at every position.

    `U[i, j] = [t[n + i * w + j], t[0]]`, where `n` is the number of tokens before the patches; and
    without a class token `U[i, j] = t[n + i * w + j]`. All other tokens before the patches are
    dropped. The mean of `U` over its positions is `[mean of the patches, class token]`, the feature
    of DINOv2's linear probes.

    Args:
        class_token: Whether the first token is a class token.
        dropped: Number of tokens between it and the patches, such as register tokens.

    Input shape:
        `(batch, class_token + dropped + h * h, channels)`.

    Output shape:
        `(batch, h, h, channels)`, with a class token `(batch, h, h, 2 * channels)`.

    Raises:
        ValueError: If the number of patch tokens is no square.

    Reference:
        Oquab et al., *DINOv2*, 2023, section 7.1, for the concatenation with the class token.

    Example:
        >>> tokens = keras.random.normal((2, 1 + 4 + 16 * 16, 384))
        >>> tuple(TokensToMap(dropped=4)(tokens).shape)
        (2, 16, 16, 768)
    """

    def __init__(self, class_token: bool = True, dropped: int = 0, **kwargs: Any):
        super().__init__(**kwargs)
        self.class_token, self.dropped = class_token, dropped

    def call(self, tokens: Tensor) -> Tensor:
        side, channels = self._side(tokens.shape), tokens.shape[-1]
        patches = ops.reshape(tokens[:, self._before :], (-1, side, side, channels))
        if not self.class_token:
            return patches
        everywhere = ops.broadcast_to(tokens[:, :1, None], ops.shape(patches))
        return ops.concatenate([patches, everywhere], axis=-1)

    @property
    def _before(self) -> int:
        return int(self.class_token) + self.dropped

    def _side(self, shape: Shape) -> int:
        patches = shape[1] - self._before
        side = math.isqrt(max(patches, 0))
        if side == 0 or side * side != patches:
            raise ValueError(f"{patches} patch tokens are no square map")
        return side

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        side = self._side(input_shape)
        return (input_shape[0], side, side, input_shape[-1] * (2 if self.class_token else 1))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "class_token": self.class_token,
            "dropped": self.dropped,
        }
