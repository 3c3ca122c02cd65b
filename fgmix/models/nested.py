"""Layers inside layers."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras


def every_layer(layer: "keras.layers.Layer") -> Iterator["keras.layers.Layer"]:
    """Yields a layer or model and all layers inside it, at any depth.

    Example:
        >>> import keras
        >>> model = keras.Sequential([keras.Input((4,)), keras.Sequential([keras.layers.Dense(2)])])
        >>> sorted({type(layer).__name__ for layer in every_layer(model)})
        ['Dense', 'InputLayer', 'Sequential']
    """
    # Keras has no public name for this.
    yield from layer._flatten_layers(include_self=True, recursive=True)
