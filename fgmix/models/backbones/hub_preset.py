"""KerasHub presets as sources of backbones: names, addresses and local folders.

Nothing here imports Keras or KerasHub, so that a wrong name or folder is reported at once.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from fgmix.errors import FgmixError
from fgmix.files import sha256_of
from fgmix.models.backbones.families import family_of

PREFIX = "hub:"
"""What precedes a preset in the name of a backbone."""
GROUP = "kerashub"
"""The optional dependency group that installs KerasHub."""

CONFIG = "config.json"
PREPROCESSOR = "preprocessor_config.json"
"""The file in which Hugging Face models keep their normalisation."""
CONVERTERS = {"registered_name": "image_converter.json", "model_type": PREPROCESSOR}
"""The file that says how images are normalised, by the same keys as `MARKS`; timm's is the config
itself."""
INDEXES = ("model.weights.json", "model.safetensors.index.json")
"""Files that list the parts of weights that are stored in several files."""
KERAS_WEIGHTS, SAFETENSORS = "model.weights.h5", "model.safetensors"
MARKS = {
    "registered_name": (KERAS_WEIGHTS, INDEXES[0]),
    "model_type": (SAFETENSORS, INDEXES[1]),
    "architecture": (SAFETENSORS, INDEXES[1]),
}
"""What tells the three kinds of folders apart (KerasHub, Hugging Face, timm): a key of their
`config.json`, and the names of the weights of that kind."""


@dataclass(frozen=True)
class HubPreset:
    """A preset of KerasHub: a source of weights, and of the network that they belong to.

    Attributes:
        name: A preset's name (`dinov2_small`), an address (`hf://...`, `kaggle://...`), or the
            path of a folder, which contains a slash.
        licence: The licence of the weights, as their publisher states it; "" if unknown.
        handle: Where KerasHub downloads a named preset from, if known: the path on Kaggle.
        network: The KerasHub class of the network, if known.
        arguments: The arguments that build it, if known.
    """

    name: str
    licence: str = ""
    handle: str = ""
    network: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)

    origin = "KerasHub"
    given_as = f"--backbone {PREFIX}FOLDER"

    @cached_property
    def folder(self) -> Path | None:
        """The folder of a local preset; None for a name or an address."""
        if "://" in self.name or not re.search(r"[/\\]|^~|^\.", self.name):
            return None
        return Path(self.name).expanduser()

    @property
    def by_hand(self) -> str:
        """Where to download the preset's folder from."""
        return f"the folder https://www.kaggle.com/models/{self.handle}"

    @property
    def short(self) -> str:
        """The preset's name as part of a file name.

        Example:
            >>> HubPreset("/data/efficientnet_lite0").short, HubPreset("hf://google/vit-b").short
            ('efficientnet_lite0', 'google_vit_b')
        """
        name = self.name.partition("://")[2] or self.name
        if self.folder is not None:
            name = self.folder.absolute().name
        return re.sub(r"\W+", "_", name).strip("_") or "preset"

    def local(self) -> Path | None:
        """Returns the folder if it is on this machine, without using the network."""
        if self.folder is not None:
            return self.folder if self.folder.is_dir() else None
        cache = os.environ.get("KAGGLEHUB_CACHE", Path.home() / ".cache" / "kagglehub")
        path = Path(cache).expanduser() / "models" / self.handle
        return path if self.handle and (path / KERAS_WEIGHTS).is_file() else None

    @cached_property
    def config(self) -> dict[str, Any] | None:
        """The content of a local preset's `config.json`; None if it must be downloaded.

        Raises:
            FgmixError: If the folder or the file is missing, or the file is damaged.
        """
        folder = self.folder if self.folder is not None else self.local()
        if folder is None:
            return None
        if not folder.is_dir():
            raise FgmixError(
                f"{PREFIX}{self.name}: there is no folder {str(folder)!r}; give a preset's name, "
                f"an address such as hf://google/vit-base-patch16-224, or a preset's folder"
            )
        try:
            config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise self._not_whole(f"it has no {CONFIG}") from None
        except (OSError, ValueError, RecursionError) as error:
            raise self._not_whole(f"its {CONFIG} can't be read") from error
        if not isinstance(config, dict) or not MARKS.keys() & config.keys():
            raise self._not_whole(
                f"its {CONFIG} is not that of a KerasHub, Hugging Face or timm model"
            )
        return config

    def check(self, weights: bool) -> None:
        """Checks that a local folder is whole; does nothing for names and addresses.

        Args:
            weights: Whether the preset's weights are wanted.

        Raises:
            FgmixError: If a file is missing or damaged, or the preset is none of images.
        """
        if self.config is None or self.folder is None:
            return
        if "registered_name" in self.config:
            family_of(str(self.config.get("class_name")), f"{PREFIX}{self.name}")
        converter = next((CONVERTERS[mark] for mark in CONVERTERS if mark in self.config), CONFIG)
        if not (self.folder / converter).is_file():
            raise self._not_whole(f"it has no {converter}, which says how images are normalised")
        if weights:
            self.weights_files()

    def weights_files(self) -> list[Path]:
        """Returns the files that hold the weights of a local preset.

        Raises:
            FgmixError: If one is missing.
        """
        assert self.config is not None
        folder = self.folder or self.local()
        assert folder is not None
        single, index = next(MARKS[mark] for mark in MARKS if mark in self.config)
        names = [single]
        if not (folder / single).is_file() and (folder / index).is_file():
            names = sorted(_parts(folder / index))
        for name in names:
            if not (folder / name).is_file():
                raise self._not_whole(f"it has no {name}")
        return [folder / name for name in names]

    def sha256(self) -> str:
        """Returns the SHA-256 of a local preset's weights; of several files, that of their hashes.

        Raises:
            FgmixError: If a file is missing.
        """
        return sha256_of_files(self.weights_files())

    def _not_whole(self, reason: str) -> FgmixError:
        return FgmixError(
            f"the preset folder {self.folder or self.local()} is not whole: {reason}; fetch it "
            f"again, or save it again with save_to_preset"
        )


def patch_of(config: dict[str, Any] | None) -> int | None:
    """Returns the side of a patch in pixels from a preset's config; None without patches.

    Example:
        >>> patch_of({"model_type": "vit", "patch_size": 16})
        16
    """
    found = next(_patch_sizes(config), None)
    if isinstance(found, list):
        found = found[0] if found else None
    return found if isinstance(found, int) and found > 0 else None


def check_patches(name: str, image_size: int, patch: int | None) -> None:
    """Checks that an image divides into whole patches.

    Args:
        name: The backbone's name, for the message.
        image_size: Side of the square input, in pixels.
        patch: Side of a patch in pixels; None for a backbone without patches.

    Raises:
        FgmixError: If it does not. The message names the nearest sizes that do.
    """
    if patch is None or image_size % patch == 0:
        return
    below = image_size // patch * patch
    near = f"{below} or {below + patch}" if below else str(patch)
    raise FgmixError(
        f"image size {image_size} is no multiple of {patch}, the patch of {name}: use --image-size "
        f"{near}"
    )


def sha256_of_files(files: list[Path]) -> str:
    """Returns the SHA-256 of a file; of several files, that of their hashes in this order."""
    import hashlib

    digests = [sha256_of(file) for file in files]
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _parts(index: Path) -> set[str]:
    """Returns the files that an index of weights names."""
    try:
        listed = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return {index.name}
    return {
        str(name) for names in listed for name in (names if isinstance(names, list) else [names])
    }


def _patch_sizes(config: Any) -> Iterator[Any]:
    """Yields the values of `patch_size` in a config, outermost first, vision towers included."""
    if not isinstance(config, dict):
        return
    if "patch_size" in config:
        yield config["patch_size"]
    for key in ("config", "vision_encoder", "vision_config"):
        yield from _patch_sizes(config.get(key))
