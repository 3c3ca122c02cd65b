"""Laying a backbone into the classifier's graph, layer by layer."""

from typing import Any

import keras


def lay_flat(
    features: keras.Model,
    images: keras.KerasTensor,
    normalized: keras.KerasTensor,
    shared: bool,
) -> list[keras.KerasTensor]:
    """Runs a backbone's graph on normalised images.

    Args:
        features: A model with a graph and one input.
        images: The classifier's input, of the shape that `features` takes.
        normalized: What the backbone's first layers get in place of `images`.
        shared: Whether the backbone's own layers are used, as for a caller's model: the same
            weights then lie in both graphs. Otherwise layers and weights are copied:
            `layer.output` is the first graph's, so only in layers that never had another can the
            classifier be looked into.

    Returns:
        The backbone's outputs.
    """

    # On the way the layers that read the images are given the normalised ones, and ConvNeXt's
    # little models within the model are laid flat as well.
    def call(layer: keras.layers.Layer, *args: Any, **kwargs: Any) -> Any:
        args, kwargs = keras.tree.map_structure(
            lambda x: normalized if x is images else x, (args, kwargs)
        )
        if isinstance(layer, keras.Sequential) and not shared:
            x = args[0]
            for inner in layer.layers:
                x = _copy(inner)(x)
            return x
        return layer(*args, **kwargs)

    flat = keras.models.clone_model(
        keras.Model(features.inputs, features.outputs),
        input_tensors=[images],
        clone_function=(lambda layer: layer) if shared else _copy,
        call_function=call,
    )
    if not shared:
        values = zip(features.get_weights(), flat.weights, strict=True)
        flat.set_weights([value.reshape(weight.shape) for value, weight in values])
    return flat.outputs


def _copy(layer: keras.layers.Layer) -> keras.layers.Layer:
    """A layer like this one, with weights of its own."""
    if not isinstance(layer, keras.layers.Layer):  # an operation, `x + y` for one
        return layer
    config = layer.get_config()
    if not _is_depthwise(layer):
        return layer.from_config(config)
    # As a grouped convolution Keras has XLA compile it on TensorFlow, in the SavedModel too, and
    # not every server runs that. Its kernel (height, width, 1, channels) becomes
    # (height, width, channels, 1).
    same = ("name", "trainable", "dtype", "kernel_size", "strides", "padding", "use_bias")
    return keras.layers.DepthwiseConv2D(
        **{key: config[key] for key in same}, activation=layer.activation
    )


def _is_depthwise(layer: keras.layers.Layer) -> bool:
    """Whether a layer is a convolution of every channel by itself, written with groups."""
    if not isinstance(layer, keras.layers.Conv2D):
        return False
    return layer.groups > 1 and layer.groups == layer.filters and layer.kernel.shape[2] == 1
