"""The registry of heads: the layers from the attended feature map to the logits, by name."""

from collections.abc import Callable, Sequence

import keras

from fgmix.layers import PowerNormalization
from fgmix.models.backbones.pretrained import BN_MOMENTUM

HIDDEN_UNITS = 512

LAST_LENGTH = 0.5
"""Length of the last map's features beside those of each level (docs/guides/few_photos.md)."""

NORMALIZATION, LOGITS = "head_norm", "logits"
HEAD_LAYERS = ("head_bn_before", "head_dropout", "head_fc", "head_bn", NORMALIZATION, LOGITS)
"""Names of the layers of heads that may have weights."""


def paper_head(
    features: keras.KerasTensor,
    num_classes: int,
    pooling: str,
    head_bn: str = "after",
    dropout: float = 0.0,
    sizes: Sequence[int] = (),
) -> keras.KerasTensor:
    """Builds the paper's head (section III.B): 512 units, BatchNorm, ELU, K units.

    Args:
        features: The attended feature map, `(batch, height, width, channels)`.
        num_classes: `K`.
        pooling: `"flatten"` or `"avg"`.
        head_bn: BatchNorm `"after"` the 512-unit layer or `"both"` before and after.
        dropout: Dropout rate of the 512-unit layer's inputs.
        sizes: Has no effect: the paper's head takes the last map alone.

    Returns:
        The logits, float32 `(batch, K)`.

    Example:
        >>> features = keras.Input((7, 7, 32))
        >>> paper_head(features, num_classes=10, pooling="avg").shape
        (None, 10)
    """
    x = _to_vector(features, pooling)
    if head_bn == "both":
        x = keras.layers.BatchNormalization(momentum=BN_MOMENTUM, name="head_bn_before")(x)
    if dropout:
        x = keras.layers.Dropout(dropout, name="head_dropout")(x)
    x = keras.layers.Dense(HIDDEN_UNITS, name="head_fc")(x)
    x = keras.layers.BatchNormalization(momentum=BN_MOMENTUM, name="head_bn")(x)
    x = keras.layers.ELU(name="head_elu")(x)
    return keras.layers.Dense(num_classes, dtype="float32", name=LOGITS)(x)


def linear_head(
    features: keras.KerasTensor,
    num_classes: int,
    pooling: str,
    head_bn: str = "after",
    dropout: float = 0.0,
    sizes: Sequence[int] = (),
) -> keras.KerasTensor:
    """Builds a linear classifier on power-normalised features, which a probe can start.

    Args:
        features: The attended feature map, `(batch, height, width, channels)`.
        num_classes: `K`.
        pooling: `"flatten"` or `"avg"`; a probe needs `"avg"`.
        head_bn: Has no effect: there is no BatchNorm.
        dropout: Dropout rate of the normalised features.
        sizes: The channels of the last map and of each level beside it, as
            `fgmix.models.backbones.levels.level_sizes` returns them.

    Returns:
        The logits, float32 `(batch, K)`.

    Example:
        >>> features = keras.Input((7, 7, 32))
        >>> linear_head(features, num_classes=10, pooling="avg").shape
        (None, 10)
    """
    parts = None
    if len(sizes) > 1:
        parts = [(sizes[0], LAST_LENGTH), *((size, 1.0) for size in sizes[1:])]
    x = PowerNormalization(parts, name=NORMALIZATION)(_to_vector(features, pooling))
    if dropout:
        x = keras.layers.Dropout(dropout, name="head_dropout")(x)
    return keras.layers.Dense(num_classes, dtype="float32", name=LOGITS)(x)


def _to_vector(features: keras.KerasTensor, pooling: str) -> keras.KerasTensor:
    if pooling == "avg":
        return keras.layers.GlobalAveragePooling2D(name="pool")(features)
    return keras.layers.Flatten(name="flatten")(features)


HEADS: dict[str, Callable[..., keras.KerasTensor]] = {"paper": paper_head, "linear": linear_head}
"""Maps a name to `(features, num_classes, pooling, head_bn, dropout, sizes) -> logits`."""
