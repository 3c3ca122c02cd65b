"""Builds backbones and loads their weights; errors say how to get the weights manually."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from fgmix.errors import FgmixError
from fgmix.models.backbones.checks import check_backbone
from fgmix.models.backbones.registry import (
    BACKBONES,
    KERAS_FORMAT,
    TORCHVISION_FORMAT,
    Backbone,
)
from fgmix.models.backbones.torchvision_weights import load_torchvision
from fgmix.models.nested import every_layer

if TYPE_CHECKING:
    import keras


# Momentum of every BatchNorm: PyTorch's 0.1 in Keras's convention. A small data set gives few
# steps, in which the slower averages of keras.applications (0.99; MobileNetV2 0.999) would still be
# dominated by ImageNet.
BN_MOMENTUM = 0.9


def build_features(
    name: str, backbone: Backbone, image_size: int, weights: str | None
) -> "keras.Model":
    """Builds a registered backbone with its weights.

    Args:
        name: The registry name, for messages.
        backbone: The registry entry.
        image_size: Side `S` of the square input, in pixels.
        weights: `"imagenet"`, `"none"` (or None), or the path of a file: a Keras file
            (`.weights.h5` or `.h5`, saved from the same backbone without its top), or a file in
            torchvision's format (`.safetensors`) for the backbones that support it.

    Returns:
        A model from `(batch, S, S, 3)` to the last feature map.

    Raises:
        FgmixError: If the image is too small, or the weights don't exist, can't be downloaded or
            don't fit.

    Example:
        >>> from fgmix.models.backbones.registry import BACKBONES
        >>> build_features("tiny", BACKBONES["tiny"], image_size=32, weights="none").output_shape
        (None, 2, 2, 128)
    """
    features = _build(name, backbone, image_size, weights or "none")
    for layer in every_layer(features):
        if hasattr(layer, "moving_mean"):
            layer.momentum = BN_MOMENTUM
    return features


def require_backbone(name: str) -> None:
    """Checks that a preset of KerasHub exists, without downloading it; passes every other backbone.

    Raises:
        FgmixError: If there is no such preset, or it is not one of images.
    """
    preset = BACKBONES[name].preset
    if preset is not None:
        from fgmix.models.backbones.keras_hub import require_preset

        require_preset(preset)


def _build(name: str, backbone: Backbone, image_size: int, weights: str) -> "keras.Model":
    check_backbone(name, backbone, image_size, weights)
    if weights == "none":
        return backbone.build(image_size, None)
    if weights == "imagenet":
        return _build_imagenet(name, backbone, image_size)
    path = Path(weights).expanduser()
    features = backbone.build(image_size, None)
    LOADERS[path.suffix](features, path, name)
    return features


def _build_imagenet(name: str, backbone: Backbone, image_size: int) -> "keras.Model":
    try:
        return backbone.build(image_size, "imagenet")
    except FgmixError:
        raise
    except Exception as error:  # Keras wraps network errors in a bare Exception
        backbone.build(image_size, None)  # raises if the weights were not the cause
        if backbone.source is None:
            raise
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise FgmixError(
            f"could not download the ImageNet weights of {name} ({reason}): on a machine with "
            f"network access fetch {backbone.source.by_hand}, and give that file as "
            f"--weights FILE; or train from scratch with --weights none"
        ) from error


def _load_keras(features: "keras.Model", path: Path, name: str) -> None:
    try:
        with warnings.catch_warnings():
            # Keras only warns about layers that are missing in the file, and leaves them random.
            warnings.simplefilter("error", UserWarning)
            features.load_weights(path)
    except (UserWarning, ValueError, OSError, KeyError) as error:
        # Keras's own messages are several lines long and describe its internals.
        reason = "it is damaged" if isinstance(error, OSError) else "it was saved from another"
        raise FgmixError(
            f"{path} does not hold the weights of {name} ({reason}): give --weights a file saved "
            f"from the same backbone without its top, or use --weights imagenet or none"
        ) from error


Loader = Callable[["keras.Model", Path, str], None]
"""`(features, path, name) -> None`: reads a file into a model; the name is for messages."""

LOADERS: dict[str, Loader] = {KERAS_FORMAT: _load_keras, TORCHVISION_FORMAT: load_torchvision}
"""Maps the suffix of a weights file to its loader."""
