"""Folds BatchNorm into the layer before it, for inference.

In inference mode BatchNorm multiplies each channel by a constant and adds another. A convolution
or dense layer before it can do so itself, with other weights (Jacob et al., *Quantization and
Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference*, 2018, section 3.2).
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import keras
import numpy as np

FOLDABLE: dict[type, str] = {
    keras.layers.Conv2D: "kernel",
    keras.layers.DepthwiseConv2D: "kernel",
    keras.layers.SeparableConv2D: "pointwise_kernel",
    keras.layers.Dense: "kernel",
}
"""The layers that BatchNorm can be folded into, and their weight with a factor per output channel.

Exactly these: a subclass may compute something else.
"""


class Folded(NamedTuple):
    """A BatchNorm that the layer before it can compute.

    Attributes:
        norm: The BatchNorm.
        values: New values, float32, of the kernel and, if it has one, the bias of the layer before.
        bias: What to add if that layer has no bias, float32 `(channels,)`.
    """

    norm: keras.layers.BatchNormalization
    values: tuple[tuple[keras.Variable, np.ndarray[Any, Any]], ...]
    bias: np.ndarray[Any, Any] | None


def find_foldable(model: keras.Model) -> list[Folded]:
    """Returns the BatchNorms that the layers before them can compute, with the new weights.

    These are the BatchNorms whose input is the output of a layer of `FOLDABLE` that nothing else
    uses, with no activation or padding between, where both compute in float32: in half precision
    the folded weights would round differently. Models inside the model are looked through, layers
    inside layers are not.

    Args:
        model: A model with a graph of layers.

    Example:
        >>> images = keras.Input((8, 8, 3))
        >>> features = keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3)(images))
        >>> [one.norm.name for one in find_foldable(keras.Model(images, features))]
        ['batch_normalization']
    """
    graphs = list(_graphs(model, set()))
    # Keras has no public name for the calls in a model's graph.
    nodes = [node for graph in graphs for depth in graph._nodes_by_depth.values() for node in depth]
    calls = Counter(id(node.operation) for node in nodes)
    uses = Counter(id(x) for node in nodes for x in node.input_tensors)
    uses += Counter(id(x) for graph in graphs for x in graph.outputs)
    made_by = {id(x): node.operation for node in nodes for x in node.outputs}
    found = []
    for norm, inputs in ((node.operation, node.input_tensors) for node in nodes):
        if type(norm) is keras.layers.BatchNormalization and len(inputs) == 1:
            layer = made_by.get(id(inputs[0]))
            once = calls[id(norm)] == calls[id(layer)] == uses[id(inputs[0])] == 1
            if once and type(layer) in FOLDABLE and _can_fold(layer, norm):
                found.append(_fold(layer, norm))
    return found


@contextmanager
def folded(found: Sequence[Folded]) -> Iterator[None]:
    """Folds BatchNorms in graphs that are traced inside this context.

    The caller also gives the variables of `values` their new values, with `keras.StatelessScope`.

    Args:
        found: From `find_foldable`. Its layers are restored on exit.
    """
    for one in found:
        one.norm.call = _add(one.bias)
    try:
        yield
    finally:
        for one in found:
            del one.norm.call


def _add(bias: np.ndarray[Any, Any] | None) -> Callable[..., Any]:
    """Returns the replacement of a BatchNorm's `call`."""

    def call(inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        return inputs if bias is None else keras.ops.add(inputs, bias)

    return call


def _graphs(model: keras.Model, seen: set[int]) -> Iterator[keras.Model]:
    """Yields a model and the models inside it, each once, if they have a graph of layers."""
    if id(model) not in seen and hasattr(model, "_nodes_by_depth"):
        seen.add(id(model))
        yield model
        for layer in model.layers:
            yield from _graphs(layer, seen)


def _can_fold(layer: keras.layers.Layer, norm: keras.layers.BatchNormalization) -> bool:
    """Returns whether a layer can compute the BatchNorm of its output."""
    return (
        layer.activation is keras.activations.linear
        and getattr(layer, "data_format", "channels_last") == "channels_last"
        and norm.axis in (-1, norm.input_spec.ndim - 1)
        and not norm.renorm
        and layer.compute_dtype == norm.compute_dtype == "float32"
    )


def _fold(layer: keras.layers.Layer, norm: keras.layers.BatchNormalization) -> Folded:
    def value(variable: keras.Variable) -> np.ndarray[Any, Any]:
        return np.asarray(keras.ops.convert_to_numpy(variable), np.float64)

    factor = 1 / np.sqrt(value(norm.moving_variance) + norm.epsilon)
    if norm.scale:
        factor *= value(norm.gamma)
    bias = value(layer.bias) if layer.use_bias else np.zeros_like(factor)
    bias = (bias - value(norm.moving_mean)) * factor
    if norm.center:
        bias += value(norm.beta)
    kernel = getattr(layer, FOLDABLE[type(layer)])
    # A depthwise kernel has its output channels on two axes.
    depthwise = type(layer) is keras.layers.DepthwiseConv2D
    scaled = value(kernel) * (factor.reshape(kernel.shape[-2:]) if depthwise else factor)
    kernel_value, bias = scaled.astype(np.float32), bias.astype(np.float32)
    if layer.use_bias:
        return Folded(norm, ((kernel, kernel_value), (layer.bias, bias)), None)
    return Folded(norm, ((kernel, kernel_value),), bias)
