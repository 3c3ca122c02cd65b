"""An attention beside its input, which starts as the identity."""

from typing import Any

import keras
from keras import ops

from fgmix.layers.numerics import Shape, Tensor, narrow


def without_residual(attention: keras.Layer) -> keras.Layer:
    """Returns the attention inside a `ResidualAttention`; any other layer as it is."""
    return attention.attention if isinstance(attention, ResidualAttention) else attention


@keras.saving.register_keras_serializable(package="fgmix")
class ResidualAttention(keras.layers.Layer):
    """Adds an attention to its input: `U + g * attention(U)`, with a trained `g` per channel.

    `g` starts at zero, so the layer starts as the identity: a classifier that was fitted to the
    features without attention keeps its predictions, and training adds attention as far as it
    helps.

    Args:
        attention: A layer from feature maps to feature maps of the same shape.
        channels: The number of channels of `U`, the first ones of the input; those behind it, maps
            of other depths, pass unchanged. None: all are `U`.

    Input shape:
        `(batch, height, width, channels)`: the feature map `U`, and what lies behind it.

    Output shape:
        Same as the input.

    Reference:
        The gate of Bachlechner et al., *ReZero is All You Need*, 2020, one per channel as in
        Touvron et al., *Going deeper with Image Transformers*, 2021.

    Example:
        >>> from fgmix.layers import MixedAttention
        >>> features = keras.random.normal((2, 7, 7, 32))
        >>> attended = ResidualAttention(MixedAttention())(features)
        >>> bool(keras.ops.all(attended == features))
        True
    """

    def __init__(self, attention: keras.Layer, channels: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.attention = attention
        self.channels = channels

    def build(self, input_shape: Shape) -> None:
        own = (*input_shape[:-1], self.channels or input_shape[-1])
        if not self.attention.built:  # a layer from `from_config` is
            self.attention.build(own)
        self.scale = self.add_weight(name="scale", shape=(own[-1],), initializer="zeros")

    def call(self, features: Tensor) -> Tensor:
        own = self.own(features)
        return self._add(features, self.attention(own))

    def own(self, features: Tensor) -> Tensor:
        """Returns the channels that the attention is applied to, `U`."""
        return features if self.channels is None else features[..., : self.channels]

    def mean(self, features: Tensor) -> Tensor:
        """Returns the mean of the layer's output over the positions.

        Args:
            features: `(batch, height, width, channels)`.

        Returns:
            `(batch, 1, 1, channels)`.
        """
        # The same operation as in `Excitation`, so that a compiled step computes it once.
        mean = ops.mean(features, axis=(1, 2))[:, None, None]
        own = self.own(features)
        if hasattr(self.attention, "mean"):
            return self._add(mean, self.attention.mean(own))
        return self._add(mean, ops.mean(self.attention(own), axis=(1, 2), keepdims=True))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        attention = keras.saving.serialize_keras_object(self.attention)
        return {**super().get_config(), "attention": attention, "channels": self.channels}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "ResidualAttention":
        """Returns the layer of a configuration from `get_config`."""
        config = dict(config)
        attention = keras.saving.deserialize_keras_object(config.pop("attention"))
        return cls(attention, **config)

    def _add(self, features: Tensor, attended: Tensor) -> Tensor:
        added = ops.cast(attended, "float32") * ops.cast(self.scale, "float32")
        own = narrow(ops.cast(self.own(features), "float32") + added, self.compute_dtype)
        if self.channels is None:
            return own
        behind = ops.cast(features[..., self.channels :], self.compute_dtype)
        return ops.concatenate([own, behind], axis=-1)
