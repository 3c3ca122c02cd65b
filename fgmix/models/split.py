"""Splits a classifier into its backbone and its head."""

from typing import Any, NamedTuple

import keras

from fgmix.layers import ChannelAttention, ConcatenatedConvolution
from fgmix.layers.numerics import Shape, Tensor
from fgmix.layers.residual import without_residual
from fgmix.models.classifier import ATTENTION_LAYER

MEAN_WISE = (keras.layers.Identity, ChannelAttention, ConcatenatedConvolution)
"""Attentions that commute with the mean over positions.

They apply the same linear map at every position, and that map depends on the mean at most. So the
mean of their output is their output for the mean.
"""


class ModelParts(NamedTuple):
    """Backbone and head of a classifier. They share its layers: training a part trains it.

    Attributes:
        backbone: Maps RGB images `(batch, S, S, 3)` in [0, 255] to the last feature map
            `(batch, H, W, C)`.
        head: Maps the feature map or its means, float32, to probabilities `(batch, K)`.
        takes_means: Whether the head takes the means of the feature map over the positions,
            `(batch, 1, 1, C)`, instead of the feature map.
    """

    backbone: keras.Model
    head: keras.Model
    takes_means: bool


def split_model(model: keras.Model) -> ModelParts:
    """Splits a classifier after its backbone.

    With average pooling, the head takes the mean over the positions as early as possible. The
    probabilities are the same except for rounding, at a fraction of the cost.

    Args:
        model: A classifier from `build_classifier`.

    Returns:
        Backbone and head. The head includes the attention.

    Example:
        >>> from fgmix.models import build_classifier
        >>> model = build_classifier(
        ...     10, "tiny", "none", weights="none", image_size=32, pooling="avg"
        ... )
        >>> parts = split_model(model)
        >>> parts.backbone.output_shape, parts.head.input_shape, parts.takes_means
        ((None, 2, 2, 128), (None, 1, 1, 128), True)
    """
    attention = model.get_layer(ATTENTION_LAYER)
    after = model.layers[model.layers.index(attention) + 1 :]
    averages = any(isinstance(layer, keras.layers.GlobalAveragePooling2D) for layer in after)
    height, width, channels = attention.input.shape[1:]
    takes_means = averages and isinstance(without_residual(attention), MEAN_WISE)
    if averages and hasattr(attention, "mean"):
        attention = MeanOfAttention(attention, name=ATTENTION_LAYER)
    features = keras.Input((1, 1, channels) if takes_means else (height, width, channels))
    x = features
    for layer in (attention, *after):
        x = layer(x)
    backbone = keras.Model(model.input, model.get_layer(ATTENTION_LAYER).input, name="backbone")
    return ModelParts(backbone, keras.Model(features, x, name="head"), takes_means)


class MeanOfAttention(keras.layers.Layer):
    """Wraps an attention's method `mean` as a layer.

    Args:
        attention: A built layer with a method `mean`, such as `MixedAttention`.
    """

    def __init__(self, attention: keras.layers.Layer, **kwargs: Any):
        super().__init__(dtype=attention.dtype_policy, **kwargs)
        self.attention = attention

    def call(self, features: Tensor) -> Tensor:
        """Returns `attention.mean(features)`: `(batch, 1, 1, channels)`."""
        return self.attention.mean(features)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns `(batch, 1, 1, channels)`."""
        return (input_shape[0], 1, 1, input_shape[-1])
