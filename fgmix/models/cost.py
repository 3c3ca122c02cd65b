"""Counts parameters and multiply-adds of a classifier's backbone, attention and head.

Multiply-adds are counted for one image, in convolutions and dense layers and in products with a
feature map: spatial attention's contraction over channels, and every scaling, one multiply-add per
element. Normalisations (including LayerScale, one constant per channel), activations, pooling and
additions (including biases) are not counted.
"""

import math
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

import keras

from fgmix.layers import (
    CBAM,
    ChannelAttention,
    ConcatenatedConvolution,
    Excitation,
    MixedAttention,
    PatchEmbedding,
    ResidualAttention,
    SpatialAttention,
    TransformerBlock,
)
from fgmix.models.attention import ATTENTIONS
from fgmix.models.backbones.pretrained import build_features
from fgmix.models.backbones.registry import BACKBONES
from fgmix.models.choices import require
from fgmix.models.classifier import check_sizes
from fgmix.models.heads import paper_head

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Cost:
    """The cost of a model or of a part of one. Costs can be added.

    Attributes:
        parameters: The number of parameters, trainable or not: BatchNorm's moving statistics are
            included.
        multiply_adds: The number of multiply-adds for one image; None if a part of it can't be
            counted.

    Example:
        >>> Cost(parameters=10, multiply_adds=200) + Cost(parameters=5, multiply_adds=50)
        Cost(parameters=15, multiply_adds=250)
    """

    parameters: int
    multiply_adds: int | None

    def __add__(self, other: "Cost") -> "Cost":
        both = (self.multiply_adds, other.multiply_adds)
        return Cost(self.parameters + other.parameters, _sum(both))


@dataclass(frozen=True)
class ClassifierCost:
    """The cost of a classifier, by part.

    Attributes:
        backbone: The cost of the backbone.
        attention: The cost of the attention.
        head: The cost of the head.
    """

    backbone: Cost
    attention: Cost
    head: Cost

    @property
    def whole(self) -> Cost:
        """The cost of the whole classifier."""
        return self.backbone + self.attention + self.head


def classifier_costs(
    backbone: str,
    attentions: Collection[str] = tuple(ATTENTIONS),
    *,
    num_classes: int,
    image_size: int = 224,
    pooling: str = "flatten",
    reduction: int = 16,
) -> dict[str, ClassifierCost]:
    """Returns the costs of classifiers that combine one backbone with several attentions.

    Args:
        backbone: A name from `BACKBONES`.
        attentions: Names from `ATTENTIONS`.
        num_classes: `K`, at least 2.
        image_size: Side of the square input, in pixels.
        pooling: `"flatten"` or `"avg"`.
        reduction: Number of channels per hidden unit of the attention's excitation.

    Returns:
        The cost of the classifier by the name of its attention. The gate of spatial attention does
        not change the cost.

    Raises:
        FgmixError: If a name is unknown, or a number is too small.

    Example:
        >>> costs = classifier_costs("tiny", ["none", "mixed"], num_classes=10, image_size=32)
        >>> costs["none"].attention
        Cost(parameters=0, multiply_adds=0)
        >>> costs["mixed"].backbone.parameters
        416488
    """
    require("backbone", backbone, BACKBONES)
    for attention in attentions:
        require("attention", attention, ATTENTIONS)
    check_sizes(num_classes, reduction, pooling)
    features = build_features(backbone, BACKBONES[backbone], image_size, "none")
    inputs = keras.Input(features.output.shape[1:])
    body = cost(features)
    head = cost(keras.Model(inputs, paper_head(inputs, num_classes, pooling)))
    return {
        name: ClassifierCost(
            body, cost(keras.Model(inputs, ATTENTIONS[name](reduction, "linear")(inputs))), head
        )
        for name in attentions
    }


def cost(model: keras.Model) -> Cost:
    """Returns the cost of a functional or sequential model, including the models inside it.

    Args:
        model: A model with inputs of fixed size. Its multiply-adds are not counted if a layer with
            a kernel, or an operation that is not a layer, has a class that is not in `COUNTERS` or
            `FREE_OPERATIONS`.

    Example:
        >>> cost(keras.Sequential([keras.Input((8,)), keras.layers.Dense(4)]))
        Cost(parameters=36, multiply_adds=32)
    """
    return Cost(model.count_params(), _multiply_adds(model, model.inputs))


def _sum(counts: Iterable[int | None]) -> int | None:
    """Returns the sum of some counts, or None if one of them is None."""
    known = list(counts)
    return None if None in known else sum(count for count in known if count is not None)


def _multiply_adds(model: keras.Model, inputs: list[keras.KerasTensor]) -> int | None:
    """Counts multiply-adds while applying the model to symbolic inputs with the shapes of `inputs`.

    A layer that is used twice is counted twice, each time for the shape it gets there.
    """
    counts: list[int | None] = []

    def call(operation: Any, *args: Any, **kwargs: Any) -> Any:
        outputs = operation(*args, **kwargs)
        if isinstance(operation, keras.Model) and getattr(operation, "inputs", None):
            counts.append(_multiply_adds(operation, keras.tree.flatten(args)))
        else:
            counts.append(_count(operation, outputs))
        return outputs

    keras.models.clone_model(
        keras.Model(model.inputs, model.outputs),
        input_tensors=[keras.Input(batch_shape=x.shape, dtype=x.dtype) for x in inputs],
        clone_function=lambda layer: layer,
        call_function=call,
    )
    return _sum(counts)


def _count(operation: Any, outputs: Any) -> int | None:
    counter = COUNTERS.get(type(operation))
    if counter:
        return counter(operation, outputs.shape[1:])
    if isinstance(operation, keras.layers.Layer):
        free = all(len(weight.shape) < 2 for weight in operation.weights)
    else:  # an operation that is not a layer can multiply matrices without having weights
        free = type(operation).__name__ in FREE_OPERATIONS
    return 0 if free else None


def _dense(layer: Any, shape: Shape) -> int:
    """Counts a layer that applies one kernel at every position, including grouped convolutions.

    The kernel of a grouped convolution has the input channels of one group, and a depthwise kernel
    has one filter per channel, so the size of the kernel is right in both cases.
    """
    return math.prod(shape[:-1]) * _size(layer.kernel)


def _separable(layer: keras.layers.SeparableConv2D, shape: Shape) -> int:
    return math.prod(shape[:-1]) * (_size(layer.depthwise_kernel) + _size(layer.pointwise_kernel))


def _product(layer: keras.layers.Layer, shape: Shape) -> int:
    return math.prod(shape)


def _excitation(layer: Excitation) -> int:
    return _size(layer.reduce.kernel) + _size(layer.expand.kernel)


def _channel(layer: ChannelAttention, shape: Shape) -> int:
    return _excitation(layer.excitation) + math.prod(shape)


def _spatial(layer: SpatialAttention, shape: Shape) -> int:
    return _excitation(layer.excitation) + 2 * math.prod(shape)


def _mixed(layer: MixedAttention, shape: Shape) -> int:
    branches = _channel(layer.channel, shape) + _spatial(layer.spatial, shape)
    return branches + _dense(layer.merge, shape)


def _conv(layer: ConcatenatedConvolution, shape: Shape) -> int:
    return _dense(layer.merge, shape)


def _cbam(layer: CBAM, shape: Shape) -> int:
    """Counts two excitations, two scalings (of channels and of positions) and the convolution."""
    return 2 * _excitation(layer.excitation) + 2 * math.prod(shape) + _dense(layer.conv, shape)


def _patches(layer: PatchEmbedding, shape: Shape) -> int:
    """Counts the linear map of every patch. Positions are the same for all images."""
    patches = shape[0] - layer.class_tokens - layer.register_tokens
    return patches * _size(layer.projection.kernel)


def _block(layer: TransformerBlock, shape: Shape) -> int:
    """Counts dense layers, and the products of queries with keys and of weights with values."""
    tokens, channels = shape
    kernels = 4 * channels**2 + _size(layer.fc1.kernel) + _size(layer.fc2.kernel)
    return tokens * kernels + 2 * tokens**2 * channels


def _residual(layer: ResidualAttention, shape: Shape) -> int:
    counter = COUNTERS.get(type(layer.attention))
    own = (*shape[:-1], layer.channels or shape[-1])
    return math.prod(own) + (counter(layer.attention, own) if counter else 0)


def _size(kernel: keras.Variable) -> int:
    shape: Shape = kernel.shape
    return math.prod(shape)


COUNTERS: dict[type, Callable[[Any, Shape], int]] = {
    keras.layers.Conv2D: _dense,
    keras.layers.DepthwiseConv2D: _dense,
    keras.layers.SeparableConv2D: _separable,
    keras.layers.Dense: _dense,
    keras.layers.Multiply: _product,
    ChannelAttention: _channel,
    SpatialAttention: _spatial,
    MixedAttention: _mixed,
    ConcatenatedConvolution: _conv,
    CBAM: _cbam,
    PatchEmbedding: _patches,
    TransformerBlock: _block,
    ResidualAttention: _residual,
}
"""Maps a layer's class to `(layer, output shape without the batch) -> multiply-adds`.

A layer of another class counts as 0 if none of its weights has two or more dimensions.
"""

FREE_OPERATIONS = {"Add", "Flip", "Take"}
"""Class names of operations that count as 0, such as `x + y`. (Keras does not export classes.)"""
