"""Checks what a backbone is built from, without importing Keras."""

from importlib.util import find_spec
from pathlib import Path

from fgmix.errors import FgmixError
from fgmix.models.backbones.hub_preset import GROUP, HubPreset, check_patches, patch_of
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
        FgmixError: If the image is too small or no multiple of the patch, there are no such
            weights, the file is missing, empty or of another format, or a preset's folder is not
            whole.
    """
    if image_size < backbone.min_size:
        raise FgmixError(
            f"image size {image_size} is too small for {name}: use --image-size "
            f"{backbone.min_size} or more"
        )
    preset_config = backbone.preset.config if backbone.preset else None
    check_patches(name, image_size, backbone.patch or patch_of(preset_config))
    if backbone.preset is not None:
        _check_preset(name, backbone.preset, weights)
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


def _check_preset(name: str, preset: HubPreset, weights: str) -> None:
    if find_spec("keras_hub") is None:
        raise FgmixError(
            f"--backbone {name} needs the package keras_hub: pip install 'fgmix[{GROUP}]'"
        )
    preset.check(weights=weights == "imagenet")
