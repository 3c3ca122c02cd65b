"""Inlines a backbone into the classifier's graph, layer by layer."""

from collections.abc import Sequence
from typing import Any

import keras

from fgmix.models.backbones.levels import is_depthwise


def lay_flat(
    features: keras.Model,
    images: keras.KerasTensor,
    normalized: keras.KerasTensor,
    shared: bool,
    wanted: Sequence[str] = (),
) -> tuple[list[keras.KerasTensor], list[keras.KerasTensor]]:
    """Applies a backbone's layers, one by one, to normalised images.

    Args:
        features: A model with a graph of layers and one input.
        images: The classifier's input, of the shape that `features` takes.
        normalized: The normalised images, which the backbone's first layers get.
        shared: Whether to use the backbone's own layers, so that their weights belong to both
            models, as for a model given by the caller. Otherwise layers and weights are copied:
            `layer.output` is the output in the first graph that uses the layer, so only new layers
            give the classifier's intermediate outputs.
        wanted: Names of layers whose outputs are returned too.

    Returns:
        The backbone's outputs, and those of the wanted layers.
    """
    made: dict[str, keras.KerasTensor] = {}

    # Layers that read the images get the normalised images instead, and the Sequential models
    # inside ConvNeXt are inlined as well.
    def call(layer: keras.layers.Layer, *args: Any, **kwargs: Any) -> Any:
        args, kwargs = keras.tree.map_structure(
            lambda x: normalized if x is images else x, (args, kwargs)
        )
        if isinstance(layer, keras.Sequential) and not shared:
            x = args[0]
            for inner in layer.layers:
                x = _copy(inner)(x)
            return x
        output = layer(*args, **kwargs)
        if layer.name in wanted:
            made[layer.name] = output
        return output

    flat = keras.models.clone_model(
        keras.Model(features.inputs, features.outputs),
        input_tensors=[images],
        clone_function=(lambda layer: layer) if shared else _copy,
        call_function=call,
    )
    if not shared:
        values = zip(features.get_weights(), flat.weights, strict=True)
        flat.set_weights([value.reshape(weight.shape) for value, weight in values])
    return list(flat.outputs), [made[name] for name in wanted]


def _copy(layer: keras.layers.Layer) -> keras.layers.Layer:
    """Returns a layer with the same configuration and new weights."""
    if not isinstance(layer, keras.layers.Layer):  # an operation, such as `x + y`
        return layer
    config = layer.get_config()
    if not is_depthwise(layer) or isinstance(layer, keras.layers.DepthwiseConv2D):
        return layer.from_config(config)
    # Keras compiles grouped convolutions with XLA on TensorFlow, in the SavedModel too, and not
    # every server can run that. A DepthwiseConv2D computes the same; its kernel is the grouped
    # one's (height, width, 1, channels) reshaped to (height, width, channels, 1).
    same = ("name", "trainable", "dtype", "kernel_size", "strides", "padding", "use_bias")
    return keras.layers.DepthwiseConv2D(
        **{key: config[key] for key in same}, activation=layer.activation
    )
