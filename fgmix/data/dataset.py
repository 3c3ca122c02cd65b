"""Data sets: labelled image files in named splits."""

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fgmix.data.identity import Identity, identify, identify_all
from fgmix.data.sources.walk import Found
from fgmix.errors import FgmixError

CONTENT = "content:"
"""Begins a fingerprint of contents. That of sizes, as version 0.1 recorded it, is bare digits."""


@dataclass(frozen=True)
class Split:
    """Images and their labels.

    Attributes:
        paths: Paths of the image files, relative to the data set's root.
        labels: int32 `(n,)`, indices into the data set's class names.
    """

    paths: tuple[str, ...]
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.paths)

    def take(self, indices: np.ndarray) -> "Split":
        """Returns the split with the images at `indices`, in that order."""
        return Split(tuple(self.paths[i] for i in indices), self.labels[indices])


def evenly_spaced(length: int, count: int) -> list[int]:
    """At most `count` indices of a sequence, evenly spaced from the first to the last.

    Whoever shows or checks a few images of many chooses them by this, so that all show the same.

    Args:
        length: The length of the sequence.
        count: How many indices to choose, at least 1. Of one, it is the first.
    """
    count = min(count, length)
    return [i * (length - 1) // max(1, count - 1) for i in range(count)]


def concatenate(splits: list[Split]) -> Split:
    """Concatenates splits."""
    paths = tuple(path for split in splits for path in split.paths)
    return Split(paths, np.concatenate([split.labels for split in splits]))


@dataclass(frozen=True)
class ImageDataset:
    """A labelled set of image files.

    Attributes:
        name: Short name, used in the names of runs.
        root: The folder that the paths of the splits are relative to.
        class_names: The name of each class, in index order.
        splits: `"train"` and `"test"`, and `"val"` if the source has one.
        crop_bottom: Pixel rows to remove from the bottom of every image before resizing.
        skipped: Images that were left out because they can't be read, relative to the root.
        left_out: Photos of the source that are not read, and files beside its images that are no
            photos, relative to the root.
    """

    name: str
    root: Path
    class_names: tuple[str, ...]
    splits: Mapping[str, Split]
    crop_bottom: int = 0
    skipped: tuple[str, ...] = ()
    left_out: tuple[Found, ...] = ()

    @property
    def photos_left_out(self) -> tuple[Found, ...]:
        """The photos among `left_out`."""
        return tuple(found for found in self.left_out if found.is_photo)

    def files(self, split: str) -> list[str]:
        """Returns the full paths of a split's images."""
        return [str(self.root / path) for path in self.splits[split].paths]

    def without(self, paths: Collection[str]) -> "ImageDataset":
        """Returns the data set without some files. The other files stay in their splits.

        Args:
            paths: Files, relative to the root. Files that are in no split are ignored.

        Raises:
            FgmixError: If a class loses its last image in `"train"` or `"test"`.
        """
        if not paths:
            return self
        left_out, splits = set(paths), {}
        for name, split in self.splits.items():
            kept = [i for i, path in enumerate(split.paths) if path not in left_out]
            splits[name] = split.take(np.array(kept, np.int64))
            lost = set(split.labels.tolist()) - set(splits[name].labels.tolist())
            if lost and name in ("train", "test"):
                raise FgmixError(
                    f"class {self.class_names[min(lost)]!r} has no readable photo in {name}: "
                    f"add photos, or remove the class"
                )
        return replace(self, splits=splits, skipped=tuple(sorted(left_out)))

    def paths(self) -> list[str]:
        """Returns the paths of all images, sorted."""
        return sorted({path for split in self.splits.values() for path in split.paths})

    def identities(self) -> dict[str, Identity | None]:
        """Returns the identity of every image by path; None for missing files."""
        return identify_all(self.root, self.paths())

    def fingerprint(self) -> str:
        """Returns `content:` and a SHA-256 over class names and every split's paths and images.

        It changes if images are added, removed, relabelled or replaced by others.

        Raises:
            OSError: If an image is missing.
        """
        found = self.identities()
        return CONTENT + self._digest(
            lambda path: (found[path] or identify(self.root / path)).digest
        )

    def fingerprint_of_sizes(self) -> str:
        """Returns the fingerprint of version 0.1, which knows images by their size."""
        return self._digest(lambda path: str((self.root / path).stat().st_size))

    def matches(self, fingerprint: str) -> bool:
        """Returns whether a recorded fingerprint, of this version or of 0.1, is the data set's."""
        if fingerprint.startswith(CONTENT):
            return self.fingerprint() == fingerprint
        return self.fingerprint_of_sizes() == fingerprint

    def _digest(self, describe: Callable[[str], str]) -> str:
        digest = hashlib.sha256("\n".join(self.class_names).encode())
        for name in sorted(self.splits):
            split = self.splits[name]
            for path, label in zip(split.paths, split.labels, strict=True):
                digest.update(f"{name}\0{path}\0{label}\0{describe(path)}\n".encode())
        return digest.hexdigest()
