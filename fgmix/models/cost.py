"""What a classifier costs: the parameters and multiply-adds of backbone, attention and head.

Counted are the multiply-adds, for one image, of convolutions and dense layers, and of products
with a feature map: the contraction over channels that makes spatial attention's `v`, and each
scaling, one multiply-add an element. Not counted are normalisations (LayerScale is one: a
constant a channel), activations, pooling and additions, biases included.
"""

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import keras

from fgmix.errors import FgmixError
from fgmix.layers import (
    CBAM,
    ChannelAttention,
    ConcatenatedConvolution,
    Excitation,
    MixedAttention,
    SpatialAttention,
)
from fgmix.models.attention import ATTENTIONS
from fgmix.models.backbones.pretrained import build_features
from fgmix.models.backbones.registry import BACKBONES
from fgmix.models.choices import require
from fgmix.models.classifier import build_head, check_sizes

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Cost:
    """What a model, or a part of one, costs.

    Attributes:
        parameters: Trainable or not: batch normalisation's moving statistics are among them.
        multiply_adds: For one image.
    """

    parameters: int
    multiply_adds: int

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.parameters + other.parameters, self.multiply_adds + other.multiply_adds)


@dataclass(frozen=True)
class ClassifierCost:
    """What the parts of a classifier cost."""

    backbone: Cost
    attention: Cost
    head: Cost

    @property
    def whole(self) -> Cost:
        """The sum of the parts."""
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
    """Counts a registered backbone's classifiers; the backbone itself is built once.

    Args:
        backbone: A name from `BACKBONES`.
        attentions: Names from `ATTENTIONS`.
        num_classes: `K`, at least 2.
        image_size: Side of the square input, in pixels.
        pooling: `"flatten"` or `"avg"`.
        reduction: Channels per hidden unit of the attention's excitation.

    Returns:
        The cost with each attention. The gate of spatial attention makes no difference.

    Raises:
        FgmixError: If a name is unknown, a number too small, or a layer's cost not known.
    """
    require("backbone", backbone, BACKBONES)
    for attention in attentions:
        require("attention", attention, ATTENTIONS)
    check_sizes(num_classes, reduction, pooling)
    features = build_features(backbone, BACKBONES[backbone], image_size, "none")
    inputs = keras.Input(features.output.shape[1:])
    body = cost(features)
    head = cost(keras.Model(inputs, build_head(inputs, num_classes, pooling)))
    return {
        name: ClassifierCost(
            body, cost(keras.Model(inputs, ATTENTIONS[name](reduction, "linear")(inputs))), head
        )
        for name in attentions
    }


def cost(model: keras.Model) -> Cost:
    """Counts a functional or sequential model of fixed size, models inside it included.

    Raises:
        FgmixError: If the class of a layer with a kernel, or of a bare operation, is not known.
    """
    return Cost(model.count_params(), _multiply_adds(model, model.inputs))


def _multiply_adds(model: keras.Model, inputs: list[keras.KerasTensor]) -> int:
    """Runs symbolic images of the size of `inputs` through the graph and counts on the way.

    So a layer that is used twice is counted twice, each time at the size that it has there.
    """
    total = 0

    def call(operation: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal total
        outputs = operation(*args, **kwargs)
        if isinstance(operation, keras.Model) and getattr(operation, "inputs", None):
            total += _multiply_adds(operation, keras.tree.flatten(args))
        else:
            total += _count(operation, outputs)
        return outputs

    keras.models.clone_model(
        keras.Model(model.inputs, model.outputs),
        input_tensors=[keras.Input(batch_shape=x.shape, dtype=x.dtype) for x in inputs],
        clone_function=lambda layer: layer,
        call_function=call,
    )
    return total


def _count(operation: Any, outputs: Any) -> int:
    counter = COUNTERS.get(type(operation))
    if counter:
        return counter(operation, outputs.shape[1:])
    if isinstance(operation, keras.layers.Layer):
        free = all(len(weight.shape) < 2 for weight in operation.weights)
    else:  # an operation that is no layer can multiply matrices without a weight of its own
        free = type(operation).__name__ in FREE_OPERATIONS
    if free:
        return 0
    raise FgmixError(
        f"can't count the multiply-adds of {operation.name}: add its class, "
        f"{type(operation).__name__}, to COUNTERS in fgmix/models/cost.py"
    )


def _dense(layer: Any, shape: Shape) -> int:
    """Any layer that applies one kernel at every position, convolutions in groups included.

    A kernel's shape already has the channels of a group only, and a depthwise kernel's one
    number a channel.
    """
    return math.prod(shape[:-1]) * math.prod(layer.kernel.shape)


def _separable(layer: keras.layers.SeparableConv2D, shape: Shape) -> int:
    kernels = (layer.depthwise_kernel, layer.pointwise_kernel)
    return math.prod(shape[:-1]) * sum(math.prod(kernel.shape) for kernel in kernels)


def _product(layer: keras.layers.Layer, shape: Shape) -> int:
    return math.prod(shape)


def _excitation(layer: Excitation) -> int:
    return math.prod(layer.reduce.kernel.shape) + math.prod(layer.expand.kernel.shape)


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
    """The excitation runs twice and so does the scaling, once a channel and once a position."""
    return 2 * _excitation(layer.excitation) + 2 * math.prod(shape) + _dense(layer.conv, shape)


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
}
"""By class, a layer's multiply-adds for an output of that shape (without the batch).

Layers that are not here and have no weight of two or more dimensions cost nothing.
"""

FREE_OPERATIONS = {"Add"}
"""By the name of its class (Keras exports none), what costs nothing, as in `x + y`."""
