"""Backbones from KerasHub: builds a preset's network with its weights and reads its normalisation.

Every use of KerasHub is in this file and in `families`.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fgmix.errors import FgmixError, did_you_mean
from fgmix.lazy import import_optional
from fgmix.models.backbones.families import FAMILIES, family_names, family_of
from fgmix.models.backbones.hub_preset import (
    CONFIG,
    GROUP,
    INDEXES,
    KERAS_WEIGHTS,
    PREFIX,
    PREPROCESSOR,
    SAFETENSORS,
    HubPreset,
    check_patches,
    patch_of,
    sha256_of_files,
)
from fgmix.models.backbones.weight_sources import HubFile

if TYPE_CHECKING:
    import keras

HUGGING_FACE = "hf://"


def require_preset(preset: HubPreset) -> None:
    """Checks that KerasHub is installed and knows a preset, without downloading anything.

    Raises:
        FgmixError: If the group is not installed, there is no preset of that name (the message
            gives the nearest), or it is not one of images.
    """
    hub = _keras_hub(preset)
    if preset.folder is not None or "://" in preset.name:
        return
    if preset.name in hub.models.Backbone.presets:
        known = _image_presets(hub)
        if preset.name not in known:
            raise FgmixError(
                f"{PREFIX}{preset.name} is a preset of text, audio or something else, not an image "
                f"backbone: choose one of {family_names()}"
            )
        return
    names = [PREFIX + name for name in _image_presets(hub)]
    hint = did_you_mean(PREFIX + preset.name, names, "{}", 0.5) or "see keras.io/keras_hub/presets"
    if Path(preset.name).is_dir():
        hint = f"the folder is {PREFIX}./{preset.name}"
    raise FgmixError(f"KerasHub has no preset {preset.name!r}: {hint}")


def preset_config(preset: HubPreset) -> dict[str, Any]:
    """Returns the content of a preset's `config.json`, downloaded if it is not here.

    Raises:
        FgmixError: If there is none, or it can't be downloaded.
    """
    if preset.config is not None:
        return preset.config
    with _explained(preset):
        config: dict[str, Any] = _preset_utils(preset).load_json(preset.name)
        return config


def build_preset(preset: HubPreset, image_size: int, pretrained: bool = True) -> "keras.Model":
    """Builds the backbone of a preset.

    Args:
        preset: The preset.
        image_size: Side `S` of the square input, in pixels.
        pretrained: Whether to load the preset's weights; otherwise they are random.

    Returns:
        A model from `(batch, S, S, 3)` to a feature map. Of a model of images and text, the image
        part alone.

    Raises:
        FgmixError: If KerasHub is missing, the preset does not exist, is none of images, can't be
            downloaded or is not whole, or its weights don't fit its config.
    """
    if preset.network and not pretrained:
        kind = getattr(_keras_hub(preset).models, preset.network)
        return FAMILIES[preset.network].features(kind(**preset.arguments), image_size)
    require_preset(preset)
    preset.check(weights=pretrained)
    check_patches(f"{PREFIX}{preset.name}", image_size, patch_of(preset_config(preset)))
    utils = _preset_utils(preset)
    with _explained(preset):
        loader = utils.get_preset_loader(preset.name)
        kind = loader.check_backbone_class()
    family = family_of(kind.__name__, f"{PREFIX}{preset.name}")
    with _explained(preset):
        arguments = family.arguments(image_size)
        backbone = loader.load_backbone(kind, load_weights=pretrained, **arguments)
    features = family.features(backbone, image_size)
    del backbone
    gc.collect()  # what the network does not need, such as a text tower, is a cycle of references
    return features


def image_normalization(preset: HubPreset) -> dict[str, Any]:
    """Returns the normalisation of a preset's image converter.

    Returns:
        Arguments of `fgmix.layers.ImageNormalization`.

    Raises:
        FgmixError: If the preset has no image converter, or it can't be read.
    """
    require_preset(preset)
    hub = _keras_hub(preset)
    with _explained(preset):
        converter = hub.layers.ImageConverter.from_preset(preset.name)
        if converter is not None:
            return _arguments(converter.scale, converter.offset)
        return _of_preprocessor(_preset_utils(preset).load_json(preset.name, PREPROCESSOR))


def preset_sha256(preset: HubPreset) -> str:
    """Returns the SHA-256 of a preset's weights, downloaded or in a folder.

    Raises:
        FgmixError: If they can't be read.
    """
    if preset.folder is not None:
        return preset.sha256()
    utils = _preset_utils(preset)
    with _explained(preset):
        for single, index in ((KERAS_WEIGHTS, INDEXES[0]), (SAFETENSORS, INDEXES[1])):
            if utils.check_file_exists(preset.name, single):
                return sha256_of_files([Path(utils.get_file(preset.name, single))])
            if utils.check_file_exists(preset.name, index):
                weights = utils.load_json(preset.name, index)["weight_map"].values()
                names = {
                    n for names in weights for n in (names if isinstance(names, list) else [names])
                }
                return sha256_of_files(
                    [Path(utils.get_file(preset.name, n)) for n in sorted(names)]
                )
    raise FgmixError(f"the preset {preset.name} has no weights")


def _keras_hub(preset: HubPreset) -> Any:
    return import_optional("keras_hub", GROUP, f"--backbone {PREFIX}{preset.name}")


def _preset_utils(preset: HubPreset) -> Any:
    # Not part of KerasHub's public interface, hence the narrow range of versions in the group.
    return import_optional(
        "keras_hub.src.utils.preset_utils", GROUP, f"--backbone {PREFIX}{preset.name}"
    )


def _image_presets(hub: Any) -> list[str]:
    """Returns the names of KerasHub's presets of image backbones."""
    classes = [getattr(hub.models, name, None) for name in FAMILIES]
    return [name for kind in classes if kind is not None for name in kind.presets]


def _arguments(scale: Any, offset: Any) -> dict[str, Any]:
    """Returns scale and offset as plain numbers, for `config.json` and `model.keras`."""

    def plain(value: Any, default: float) -> float | list[float]:
        if value is None:
            return default
        return [float(x) for x in value] if hasattr(value, "__len__") else float(value)

    return {"scale": plain(scale, 1.0), "offset": plain(offset, 0.0)}


def _of_preprocessor(config: dict[str, Any]) -> dict[str, Any]:
    """Returns the normalisation that a Hugging Face preprocessor describes."""
    factor = config.get("rescale_factor", 1 / 255) if config.get("do_rescale", True) else 1.0
    mean, std = [0.0] * 3, [1.0] * 3
    if config.get("do_normalize", True):
        mean, std = config["image_mean"], config["image_std"]
    return _arguments([factor / s for s in std], [-m / s for m, s in zip(mean, std, strict=True)])


@contextmanager
def _explained(preset: HubPreset) -> Iterator[None]:
    """Turns the errors of KerasHub, its downloads and its file formats into one line."""
    try:
        _reach(preset)
        yield
    except FgmixError:
        raise
    except Exception as error:  # each of the libraries below KerasHub has its own types
        reason = _reason(error)
        if preset.folder is not None:
            raise FgmixError(
                f"the preset folder {preset.folder} can't be used ({reason}): its files are "
                f"damaged or do not belong together; fetch it again"
            ) from error
        raise FgmixError(
            f"could not get the preset {preset.name} ({reason}): on a machine with network access "
            f"save it with keras_hub.models.Backbone.from_preset({preset.name!r})"
            f".save_to_preset('FOLDER'), and give --backbone {PREFIX}FOLDER"
        ) from error


def _reach(preset: HubPreset) -> None:
    """Asks the Hugging Face hub once for a preset that is not in its cache.

    Without this, each of KerasHub's downloads would retry for half a minute, and a hub that can't
    be reached would be reported as a file that it does not have.
    """
    if not preset.name.startswith(HUGGING_FACE):
        return
    hub = import_optional("huggingface_hub", GROUP, f"--backbone {PREFIX}{preset.name}")
    repo = preset.name.removeprefix(HUGGING_FACE)
    if not isinstance(hub.try_to_load_from_cache(repo, CONFIG), str):
        hub.get_hf_file_metadata(hub.hf_hub_url(repo, CONFIG), timeout=HubFile.TIMEOUT)


def _reason(error: BaseException) -> str:
    """Returns a line that says why something failed: of a failed connection, its first cause."""
    first, cause = error, error.__cause__ or error.__context__
    while cause is not None:
        if isinstance(cause, OSError) and str(cause).strip():
            first = cause
        cause = cause.__cause__ or cause.__context__
    return (str(first).strip() or type(first).__name__).splitlines()[0][:200]
