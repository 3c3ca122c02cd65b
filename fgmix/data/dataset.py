"""What a data set is: image files, a label each, in named splits."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fgmix.errors import FgmixError


@dataclass(frozen=True)
class Split:
    """Images and their labels.

    Attributes:
        paths: Image files, relative to the data set's root.
        labels: int32 `(n,)`, indices into the data set's class names.
    """

    paths: tuple[str, ...]
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.paths)

    def take(self, indices: np.ndarray) -> "Split":
        """The images at these indices, in their order."""
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
    """The images of several splits, one split after the other."""
    paths = tuple(path for split in splits for path in split.paths)
    return Split(paths, np.concatenate([split.labels for split in splits]))


@dataclass(frozen=True)
class ImageDataset:
    """A labelled set of image files.

    Attributes:
        name: Short name, used in the names of runs.
        root: The folder that the paths of the splits are relative to.
        class_names: The name of each class, in index order.
        splits: `"train"` and `"test"`, and `"val"` where the source has one.
        crop_bottom: Pixel rows to remove from the bottom of every photo before resizing.
        skipped: Files of the source that were left out, relative to the root.
    """

    name: str
    root: Path
    class_names: tuple[str, ...]
    splits: Mapping[str, Split]
    crop_bottom: int = 0
    skipped: tuple[str, ...] = ()

    def files(self, split: str) -> list[str]:
        """The full paths of a split's images."""
        return [str(self.root / path) for path in self.splits[split].paths]

    def without(self, paths: Collection[str]) -> "ImageDataset":
        """The data set without some files; the splits of the others stay as they are.

        Args:
            paths: Files, relative to the root. Those that are in no split change nothing.

        Raises:
            FgmixError: If a class loses its last photo to train or to test on.
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

    def sizes(self) -> dict[str, int]:
        """The size of every photo in bytes, by its path; -1 of one that is not there."""
        paths = {path for split in self.splits.values() for path in split.paths}
        return {path: _size(self.root / path) for path in sorted(paths)}

    def fingerprint(self) -> str:
        """A SHA-256 over every split's paths, labels and file sizes.

        Two data sets with the same fingerprint hold the same files by name, label and size; it
        notices added, removed, relabelled and replaced photos without reading them whole.
        """
        digest = hashlib.sha256("\n".join(self.class_names).encode())
        for name in sorted(self.splits):
            split = self.splits[name]
            for path, label in zip(split.paths, split.labels, strict=True):
                size = (self.root / path).stat().st_size
                digest.update(f"{name}\0{path}\0{label}\0{size}\n".encode())
        return digest.hexdigest()


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return -1
