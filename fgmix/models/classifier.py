"""The classifier: normalisation, backbone, attention and head in one flat graph of layers."""

import keras

from fgmix.errors import FgmixError
from fgmix.layers import ImageNormalization, ResidualAttention
from fgmix.models.attention import ATTENTIONS
from fgmix.models.backbones.levels import level_layers, side_by_side
from fgmix.models.backbones.pretrained import build_features
from fgmix.models.backbones.registry import BACKBONES, IDENTITY, Normalization
from fgmix.models.choices import FEATURE_MAPS, GATES, HEAD_BN, POOLINGS, require
from fgmix.models.flat import lay_flat
from fgmix.models.heads import HEAD_LAYERS, HEADS

ATTENTION_LAYER = "attention"
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
    head: str = "paper",
    feature_maps: str = "last",
    head_bn: str = "after",
    dropout: float = 0.0,
    normalization: Normalization | None = None,
) -> keras.Model:
    """Builds the paper's classifier (its Fig. 1) on a backbone.

    Args:
        num_classes: `K`, at least 2.
        backbone: A name from `BACKBONES` (`hub:PRESET` among them), or any `keras.Model` with one
            `(S, S, 3)` input and a 4-D, channels-last output. The layers of a given model are
            shared, not copied. A subclassed model has no graph of layers and is used as a single
            layer.
        attention: A name from `ATTENTIONS`.
        weights: The weights of a named backbone: `"imagenet"`, `"none"` (or None), or the path of
            a weights file.
        image_size: Side `S` of the square input, in pixels.
        reduction: Number of channels per hidden unit of the attention's excitation.
        gate: The gate of spatial attention: `"linear"`, `"sigmoid"` or `"softmax"`.
        pooling: `"flatten"` (the paper removes ResNet-50's average pooling) or `"avg"`.
        head: `"paper"`: the attention replaces the feature map, and the classifier has 512 hidden
            units. `"linear"`: the attention is added to the feature map and starts at zero
            (`fgmix.layers.ResidualAttention`), and the classifier is linear
            (`fgmix.models.heads.linear_head`).
        feature_maps: `"last"`: the last feature map of the backbone. `"levels"`, with a linear head
            and pooling `"avg"`: maps of other depths beside it, if the backbone has some
            (`fgmix.models.backbones.levels`); the attention is applied to the last one.
        head_bn: BatchNorm `"after"` the 512-unit layer (the paper) or `"both"` before and after.
        dropout: Dropout rate of the 512-unit or linear layer's inputs; 0 in the paper.
        normalization: The arguments of `fgmix.layers.ImageNormalization`, for a backbone that is
            given as a model. By default that model gets RGB in [0, 255]. A named backbone has its
            own normalisation.

    Returns:
        A model from float RGB `(batch, S, S, 3)` in [0, 255] to float32 probabilities
        `(batch, K)`. Its layer `"attention"` maps the last feature map to the attended one; its
        layer `"logits"` gives the inputs of the softmax.

    Raises:
        FgmixError: If a name is unknown, the image is too small, the backbone's output is not 4-D,
            or the weights are missing or don't fit.

    Example:
        >>> model = build_classifier(
        ...     10, "tiny", "mixed", weights="none", image_size=32, pooling="avg"
        ... )
        >>> images = keras.random.uniform((2, 32, 32, 3), maxval=255.0)
        >>> tuple(model(images).shape)
        (2, 10)
    """
    require("attention", attention, ATTENTIONS)
    require("gate", gate, GATES)
    require("head", head, HEADS)
    require("head_bn", head_bn, HEAD_BN)
    require("feature_maps", feature_maps, FEATURE_MAPS)
    if feature_maps == "levels" and (head, pooling) != ("linear", "avg"):
        raise FgmixError("feature_maps 'levels' needs head 'linear' and pooling 'avg'")
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
        normalization = entry.input_normalization(weights)

    images = keras.Input((image_size, image_size, 3), name="images")
    levels = level_layers(features) if feature_maps == "levels" else []
    maps = _apply_flat(features, levels, images, normalization, shared)
    sizes = [level.shape[-1] for level in maps]
    x = side_by_side(maps[0], maps[1:])
    attend = ATTENTIONS[attention](reduction, gate)
    # Beside the attention `none`, the identity, there is nothing to add.
    if head == "linear" and not isinstance(attend, keras.layers.Identity):
        channels = sizes[0] if len(sizes) > 1 else None
        attend = ResidualAttention(attend, channels, name=ATTENTION_LAYER)
    logits = HEADS[head](attend(x), num_classes, pooling, head_bn, dropout, sizes)
    probabilities = keras.layers.Softmax(dtype="float32", name="probabilities")(logits)
    return keras.Model(images, probabilities, name="classifier")


def check_sizes(num_classes: int, reduction: int, pooling: str) -> None:
    """Checks the settings of attention and head.

    Args:
        num_classes: The number of classes.
        reduction: Number of channels per hidden unit of the excitation.
        pooling: `"flatten"` or `"avg"`.

    Raises:
        FgmixError: If there are fewer than 2 classes, the reduction is less than 1, or the
            pooling is unknown.
    """
    require("pooling", pooling, POOLINGS)
    if reduction < 1:
        raise FgmixError(f"reduction must be at least 1, not {reduction}")
    if num_classes < 2:
        raise FgmixError(f"a classifier needs at least 2 classes, not {num_classes}")


def parameter_groups(model: keras.Model) -> dict[str, list[keras.Variable]]:
    """Returns the trainable variables by learning-rate group.

    Args:
        model: A classifier from `build_classifier`.

    Returns:
        The variables of `"backbone"` and of `"head"`, which is the attention with its merge
        convolution and all layers after it. Every trainable variable is in exactly one group.

    Example:
        >>> model = build_classifier(10, "tiny", "none", weights="none", image_size=32)
        >>> [len(variables) for variables in parameter_groups(model).values()]
        [21, 6]
    """
    new = {ATTENTION_LAYER, *HEAD_LAYERS}
    groups: dict[str, list[keras.Variable]] = {"backbone": [], "head": []}
    for layer in model.layers:
        groups["head" if layer.name in new else "backbone"] += layer.trainable_variables
    return groups


def _apply_flat(
    features: keras.Model,
    levels: list[str],
    images: keras.KerasTensor,
    normalization: Normalization,
    shared: bool,
) -> list[keras.KerasTensor]:
    """Applies `features` to normalised images, layer by layer if it has a graph of layers.

    Returns:
        Its last feature map, and the maps that the layers named in `levels` make.
    """
    _require_fit(features, images)
    # Always in float32: bfloat16 can't tell neighbouring grey levels apart.
    normalized = ImageNormalization(**normalization, dtype="float32", name="normalization")(images)
    if not getattr(features, "inputs", None):  # a subclassed model
        outputs = keras.tree.flatten(features(normalized))
        made: list[keras.KerasTensor] = []
    else:
        _require_free_names(features)
        outputs, made = lay_flat(features, images, normalized, shared, levels)
    if len(outputs) != 1 or len(outputs[0].shape) != 4:
        shapes = " and ".join(str(output.shape) for output in outputs)
        raise FgmixError(
            f"the backbone {features.name} must give one 4-D feature map, not {shapes}: "
            f"build it without its top and pooling"
        )
    return [outputs[0], *made]


def _require_free_names(features: keras.Model) -> None:
    """Checks that no layer of a backbone has the name of one of the classifier's own layers."""
    layers = [x for x in features.layers if not isinstance(x, keras.layers.InputLayer)]
    taken = sorted({layer.name for layer in layers} & OWN_LAYERS)
    if taken:
        raise FgmixError(
            f"the backbone {features.name} has a layer named {taken[0]!r}, a name that the "
            f"classifier uses itself: rename that layer"
        )


def _require_fit(features: keras.Model, images: keras.KerasTensor) -> None:
    """Checks that a backbone takes the classifier's images."""
    inputs = getattr(features, "inputs", None) or [images]
    sides = zip(inputs[0].shape, images.shape, strict=False)
    if len(inputs) != 1 or any(a != b for a, b in sides if a is not None and b is not None):
        shapes = " and ".join(str(x.shape) for x in inputs)
        raise FgmixError(
            f"the backbone {features.name} must take one input of shape {images.shape}, not "
            f"{shapes}: build it for that size, or change the image size"
        )
