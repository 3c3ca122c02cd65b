"""Feature maps of several depths beside the last one.

The last feature map of a network that was trained on other classes keeps what told those classes
apart. What tells look-alike classes apart is often still in the maps before it.
"""

import keras

LEVELS = "levels"
"""The name of the layer that puts the maps side by side, and the first part of their poolings'."""


def level_layers(features: keras.Model) -> list[str]:
    """Returns the names of the layers whose maps are taken beside the last one.

    In a network of inverted residuals (MobileNetV2, EfficientNet) these are two expansions, the
    widest maps inside a block, before its depthwise convolution: that of the last block with a
    stride, and that of the last block. Other networks have none.

    Args:
        features: A backbone. A subclassed model has no graph of layers, and no such maps.

    Returns:
        Two names in the order of the graph, or none.

    Example:
        >>> network = keras.applications.MobileNetV2(
        ...     include_top=False, weights=None, input_shape=(64, 64, 3)
        ... )
        >>> level_layers(network)
        ['block_13_expand_relu', 'block_16_expand_relu']
    """
    if not getattr(features, "inputs", None):
        return []
    depthwise = [layer for layer in features.layers if is_depthwise(layer)]
    strided = [layer for layer in depthwise if max(layer.strides) > 1]
    if not strided or strided[-1] is depthwise[-1]:
        return []
    made_by = {id(layer.output): layer for layer in features.layers}

    def maker(tensor: keras.KerasTensor) -> str:
        layer = made_by[id(tensor)]
        padding = isinstance(layer, keras.layers.ZeroPadding2D)
        return maker(layer.input) if padding else str(layer.name)

    return [maker(strided[-1].input), maker(depthwise[-1].input)]


def side_by_side(last: keras.KerasTensor, levels: list[keras.KerasTensor]) -> keras.KerasTensor:
    """Puts maps of other depths beside the last one.

    Args:
        last: The last map, `(batch, H, W, C)`.
        levels: Maps `(batch, h, w, channels)`, as large or larger.

    Returns:
        `(batch, H, W, C + ...)`. Larger maps are averaged to `H x W`. `last` if it is alone.

    Example:
        >>> last, level = keras.Input((2, 2, 8)), keras.Input((4, 4, 16))
        >>> side_by_side(last, [level]).shape
        (None, 2, 2, 24)
    """
    if not levels:
        return last
    pooled = []
    for number, level in enumerate(levels, 1):
        factor = -(-level.shape[1] // last.shape[1])
        if factor > 1:
            name = f"{LEVELS}_pool{number}"
            level = keras.layers.AveragePooling2D(factor, padding="same", name=name)(level)
        pooled.append(level)
    return keras.layers.Concatenate(name=LEVELS)([last, *pooled])


def is_level_layer(operation: keras.Operation) -> bool:
    """Returns whether an operation of a classifier only puts maps of several depths together."""
    return bool(operation.name.startswith(LEVELS))


def is_depthwise(layer: keras.layers.Layer) -> bool:
    """Returns whether a layer is a depthwise convolution, or a grouped one that computes it."""
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        return True
    if not isinstance(layer, keras.layers.Conv2D) or layer.groups == 1:
        return False
    return bool(layer.groups == layer.filters and layer.kernel.shape[2] == 1)
