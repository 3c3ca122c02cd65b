"""Checks what a backbone is built from, without importing Keras."""

from pathlib import Path

from fgmix.errors import FgmixError
from fgmix.models.backbones.registry import (
    BACKBONES,
    KERAS_FORMAT,
    TORCHVISION_FORMAT,
    Backbone,
)

FORMATS = (KERAS_FORMAT, TORCHVISION_FORMAT)
"""Suffixes of weights files."""


def check_backbone(name: str, backbone: Backbone, image_size: int, weights: str) -> None:
    """Checks image size and weights before a backbone is built.

    Args:
        name: The registry name, for messages.
        backbone: The registry entry.
        image_size: Side of the square input, in pixels.
        weights: `"imagenet"`, `"none"`, or the path of a file.

    Raises:
        FgmixError: If the image is too small, there are no such weights, or the file is missing,
            empty or of another format.
    """
    if image_size < backbone.min_size:
        raise FgmixError(
            f"image size {image_size} is too small for {name}: use --image-size "
            f"{backbone.min_size} or more"
        )
    if weights == "none":
        return
    if weights == "imagenet":
        if backbone.source is None:
            raise FgmixError(
                f"{name} has no ImageNet weights: use --weights none or --weights FILE"
            )
        return
    path = Path(weights).expanduser()
    if not path.is_file():
        raise FgmixError(
            f"no weights file {weights!r}: --weights takes imagenet, none, or the path of a file"
        )
    if path.suffix not in FORMATS:
        raise FgmixError(
            f"{path}: weights files end in .weights.h5 or .h5 (Keras) or .safetensors (torchvision)"
        )
    if path.suffix not in backbone.formats:
        readers = [other for other, entry in BACKBONES.items() if path.suffix in entry.formats]
        raise FgmixError(
            f"{path}: {name} reads no {path.suffix} files: give it a file in "
            f"{' or '.join(backbone.formats)}, or use --backbone {' or '.join(readers)}"
        )
