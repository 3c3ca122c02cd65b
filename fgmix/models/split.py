"""A classifier in two parts: the backbone, and what stands on its last feature map."""

from typing import Any, NamedTuple

import keras

from fgmix.layers import ChannelAttention, ConcatenatedConvolution
from fgmix.layers.numerics import Shape, Tensor
from fgmix.models.classifier import ATTENTION_LAYER

MEAN_WISE = (keras.layers.Identity, ChannelAttention, ConcatenatedConvolution)
"""Attentions whose answer to the mean of a map is the mean of their answer to the map.

They do the same linear thing at every position, and what it is depends on the mean at most.
"""


class ModelParts(NamedTuple):
    """The two parts of a classifier. They share its layers: to train one is to train it.

    Attributes:
        backbone: From RGB images `(b, S, S, 3)` in [0, 255] to the last feature map
            `(b, H, W, C)`.
        head: From what it needs of that map, float32, to probabilities `(b, K)`.
        takes_means: Whether the head takes the map's means over the positions, `(b, 1, 1, C)`,
            in place of the map.
    """

    backbone: keras.Model
    head: keras.Model
    takes_means: bool


def split_model(model: keras.Model) -> ModelParts:
    """Splits a classifier after its backbone.

    With average pooling the mean over the positions is taken as early as it can be: what comes
    out is the same but for rounding, for a fraction of the work.

    Args:
        model: A classifier from `build_classifier`.
    """
    attention = model.get_layer(ATTENTION_LAYER)
    after = model.layers[model.layers.index(attention) + 1 :]
    averages = any(isinstance(layer, keras.layers.GlobalAveragePooling2D) for layer in after)
    height, width, channels = attention.input.shape[1:]
    takes_means = averages and isinstance(attention, MEAN_WISE)
    if averages and hasattr(attention, "mean"):
        attention = MeanOfAttention(attention, name=ATTENTION_LAYER)
    features = keras.Input((1, 1, channels) if takes_means else (height, width, channels))
    x = features
    for layer in (attention, *after):
        x = layer(x)
    backbone = keras.Model(model.input, model.get_layer(ATTENTION_LAYER).input, name="backbone")
    return ModelParts(backbone, keras.Model(features, x, name="head"), takes_means)


class MeanOfAttention(keras.layers.Layer):
    """What an attention's `mean` gives, as a layer around it.

    Args:
        attention: A built layer with such a method.
    """

    def __init__(self, attention: keras.layers.Layer, **kwargs: Any):
        super().__init__(dtype=attention.dtype_policy, **kwargs)
        self.attention = attention

    def call(self, features: Tensor) -> Tensor:
        """The attention's `mean`."""
        return self.attention.mean(features)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """One position."""
        return (input_shape[0], 1, 1, input_shape[-1])
