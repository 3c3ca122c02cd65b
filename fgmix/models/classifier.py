"""The classifier: normalisation, backbone, attention and head in one flat graph."""

import keras

from fgmix.errors import FgmixError
from fgmix.layers import ImageNormalization
from fgmix.models.attention import ATTENTIONS
from fgmix.models.backbones.pretrained import BN_MOMENTUM, build_features
from fgmix.models.backbones.registry import BACKBONES, IDENTITY, Normalization
from fgmix.models.choices import GATES, HEAD_BN, POOLINGS, require
from fgmix.models.flat import lay_flat

HIDDEN_UNITS = 512

ATTENTION_LAYER = "attention"
HEAD_LAYERS = ("head_bn_before", "head_dropout", "head_fc", "head_bn", "logits")
OWN_LAYERS = {
    *("images", "normalization", ATTENTION_LAYER, "flatten", "pool"),
    *HEAD_LAYERS,
    *("head_elu", "probabilities"),
}


def build_classifier(
    num_classes: int,
    backbone: str | keras.Model = "vgg16",
    attention: str = "mixed",
    *,
    weights: str | None = "imagenet",
    image_size: int = 224,
    reduction: int = 16,
    gate: str = "linear",
    pooling: str = "flatten",
    head_bn: str = "after",
    dropout: float = 0.0,
    normalization: Normalization | None = None,
) -> keras.Model:
    """Builds the paper's classifier (its Fig. 1) on a backbone.

    Args:
        num_classes: `K`, at least 2.
        backbone: A name from `BACKBONES`, or any `keras.Model` with one `(S, S, 3)` input and
            a 4-D, channels-last output. A model's layers are used as they are, not copied; a
            subclassed model, which has no graph, stays one layer.
        attention: A name from `ATTENTIONS`.
        weights: `"imagenet"`, `"none"` (or None) or a weights file, for a named backbone.
        image_size: Side of the square input, in pixels.
        reduction: Channels per hidden unit of the attention's excitation.
        gate: The gate of spatial attention.
        pooling: `"flatten"` (the paper removes ResNet-50's average pool) or `"avg"`.
        head_bn: BatchNorm `"after"` the 512-unit layer (the paper) or `"both"` before and after.
        dropout: Share of the 512-unit layer's inputs that training leaves out (the paper: none).
        normalization: For a backbone given as a model, the arguments of
            `fgmix.layers.ImageNormalization`. By default it gets RGB in [0, 255] as it is. A
            named backbone brings its own.

    Returns:
        A model from float RGB `(batch, S, S, 3)` in [0, 255] to float32 probabilities
        `(batch, K)`. Its layer `"attention"` takes the last feature map and gives the attended
        one; the layer `"logits"` gives what the softmax gets.

    Raises:
        FgmixError: If a name is unknown, the image too small, the backbone's output not 4-D, or
            the weights are missing or don't fit.
    """
    require("attention", attention, ATTENTIONS)
    require("gate", gate, GATES)
    require("head_bn", head_bn, HEAD_BN)
    check_sizes(num_classes, reduction, pooling)

    shared = isinstance(backbone, keras.Model)
    if shared:
        features, normalization = backbone, normalization or IDENTITY
    else:
        require("backbone", backbone, BACKBONES)
        if normalization is not None:
            raise FgmixError(f"{backbone} brings its own normalization: leave it out")
        entry = BACKBONES[backbone]
        features = build_features(backbone, entry, image_size, weights)
        normalization = entry.normalization

    images = keras.Input((image_size, image_size, 3), name="images")
    x = _apply_flat(features, images, normalization, shared)
    x = ATTENTIONS[attention](reduction, gate)(x)
    logits = build_head(x, num_classes, pooling, head_bn, dropout)
    probabilities = keras.layers.Softmax(dtype="float32", name="probabilities")(logits)
    return keras.Model(images, probabilities, name="classifier")


def check_sizes(num_classes: int, reduction: int, pooling: str) -> None:
    """Refuses what no classifier's attention and head can be built with.

    Raises:
        FgmixError: If there are fewer than 2 classes, the reduction is less than 1, or the
            pooling is unknown.
    """
    require("pooling", pooling, POOLINGS)
    if reduction < 1:
        raise FgmixError(f"reduction must be at least 1, not {reduction}")
    if num_classes < 2:
        raise FgmixError(f"a classifier needs at least 2 classes, not {num_classes}")


def build_head(
    features: keras.KerasTensor,
    num_classes: int,
    pooling: str,
    head_bn: str = "after",
    dropout: float = 0.0,
) -> keras.KerasTensor:
    """Section III.B of the paper: FC of 512 units, batch normalisation, ELU, FC of K units.

    Args:
        features: The attended feature map, `(batch, height, width, channels)`.
        num_classes: `K`.
        pooling: `"flatten"` or `"avg"`.
        head_bn: Batch normalisation `"after"` the 512-unit layer or `"both"` before and after.
        dropout: Share of the 512-unit layer's inputs that training leaves out.

    Returns:
        The logits, float32 `(batch, K)`.
    """
    if pooling == "avg":
        x = keras.layers.GlobalAveragePooling2D(name="pool")(features)
    else:
        x = keras.layers.Flatten(name="flatten")(features)
    if head_bn == "both":
        x = keras.layers.BatchNormalization(momentum=BN_MOMENTUM, name="head_bn_before")(x)
    if dropout:
        x = keras.layers.Dropout(dropout, name="head_dropout")(x)
    x = keras.layers.Dense(HIDDEN_UNITS, name="head_fc")(x)
    x = keras.layers.BatchNormalization(momentum=BN_MOMENTUM, name="head_bn")(x)
    x = keras.layers.ELU(name="head_elu")(x)
    return keras.layers.Dense(num_classes, dtype="float32", name="logits")(x)


def parameter_groups(model: keras.Model) -> dict[str, list[keras.Variable]]:
    """The trainable variables by learning-rate group.

    Args:
        model: A classifier from `build_classifier`.

    Returns:
        `"backbone"`, and `"head"`: the attention, its merge convolution and the classifier.
        Every trainable variable is in exactly one.
    """
    new = {ATTENTION_LAYER, *HEAD_LAYERS}
    groups: dict[str, list[keras.Variable]] = {"backbone": [], "head": []}
    for layer in model.layers:
        groups["head" if layer.name in new else "backbone"] += layer.trainable_variables
    return groups


def _apply_flat(
    features: keras.Model, images: keras.KerasTensor, normalization: Normalization, shared: bool
) -> keras.KerasTensor:
    """Runs `features` on normalised images, layer by layer where it has a graph."""
    _require_fit(features, images)
    # In float32 whatever the precision: half a grey level is lost in bfloat16.
    normalized = ImageNormalization(**normalization, dtype="float32", name="normalization")(images)
    if not getattr(features, "inputs", None):  # a subclassed model has no graph to lay flat
        outputs = keras.tree.flatten(features(normalized))
    else:
        _require_free_names(features)
        outputs = lay_flat(features, images, normalized, shared)
    if len(outputs) != 1 or len(outputs[0].shape) != 4:
        shapes = " and ".join(str(output.shape) for output in outputs)
        raise FgmixError(
            f"the backbone {features.name} must give one 4-D feature map, not {shapes}: "
            f"build it without its top and pooling"
        )
    return outputs[0]


def _require_free_names(features: keras.Model) -> None:
    """Refuses a model with a layer that is named like one of the classifier's."""
    layers = [x for x in features.layers if not isinstance(x, keras.layers.InputLayer)]
    taken = sorted({layer.name for layer in layers} & OWN_LAYERS)
    if taken:
        raise FgmixError(
            f"the backbone {features.name} has a layer named {taken[0]!r}, which is the name of "
            f"one of the classifier's own: rename it"
        )


def _require_fit(features: keras.Model, images: keras.KerasTensor) -> None:
    """Refuses a model that does not take the classifier's images."""
    inputs = getattr(features, "inputs", None) or [images]
    sides = zip(inputs[0].shape, images.shape, strict=False)
    if len(inputs) != 1 or any(a != b for a, b in sides if a is not None and b is not None):
        shapes = " and ".join(str(x.shape) for x in inputs)
        raise FgmixError(
            f"the backbone {features.name} must take one input of shape {images.shape}, not "
            f"{shapes}: build it for that size, or change the image size"
        )
