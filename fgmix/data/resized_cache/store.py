"""Resized images on disk, and the index that tells which of them are valid.

Each image has its own file, so that the splits, shots and folds of a data set share one cache, and
an added or replaced image means one new file. A file that is not in the index, or does not match
its entry, is ignored.
"""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from fgmix.data.dataset import ImageDataset
from fgmix.data.derived_index import DerivedIndex, Entry
from fgmix.data.identity import Identity, identify_all
from fgmix.data.sources.locations import OWN_FOLDER, tfds_folder
from fgmix.files import remove_partial, replacing

FORMAT = 1
"""Raise this when resized images are made differently: caches of older formats are not used."""

INDEX = "index.csv"

COLUMNS = ("height", "width", "copy_bytes")
"""Of the index: the shape of the photo, and the size of its copy, which tells a truncated one."""


class ResizedImage(NamedTuple):
    """A smaller version of a training image.

    Attributes:
        file: Path of the resized image.
        original_shape: Height and width of the original, upright and cropped.
        original_bytes: File size of the original.
        bytes: File size of the resized image.
    """

    file: str
    original_shape: tuple[int, int]
    original_bytes: int
    bytes: int


class ResizedCache:
    """A folder of resized images of one data set, all made for one purpose.

    Any number of processes may read it. A process that writes must hold the lock of `path` and
    call `open` first.

    Args:
        dataset: The data set.
        purpose: What determines how images are resized; part of the folder's name.
        suffix: The suffix of the image files.
    """

    def __init__(self, dataset: ImageDataset, purpose: str, suffix: str):
        self.root = dataset.root
        self.suffix = suffix
        key = f"{FORMAT}\0{dataset.root.resolve()}\0{dataset.crop_bottom}"
        digest = hashlib.sha256(key.encode()).hexdigest()[:16]
        # The name up to the slash: `aircraft` and `aircraft/family` have the same images.
        name = re.sub(r"[^\w.]+", "_", dataset.name.partition("/")[0])[:40]
        self.path = tfds_folder() / OWN_FOLDER / "prepared" / f"{name}-{purpose}-{digest}"
        self._index = DerivedIndex(
            self.path / INDEX, self.root, COLUMNS, "its photos are prepared again"
        )
        self._entries: dict[str, Entry] = {}
        self._sources: dict[str, Identity | None] = {}

    def find(self, paths: Sequence[str]) -> dict[str, ResizedImage]:
        """Returns the valid resized images, by path: complete, and of an unchanged original."""
        found = {}
        for path, entry in self._index.current(paths).items():
            height, width, copy_bytes = entry.values
            file = self._file(path)
            if file.is_file() and file.stat().st_size == copy_bytes:
                found[path] = ResizedImage(
                    str(file), (height, width), entry.source.bytes, copy_bytes
                )
        return found

    def open(self, paths: Sequence[str]) -> None:
        """Prepares the folder for adding these images; removes files of deleted originals.

        Call this before the originals are read: a change in the meantime is then detected later.
        """
        self._sources = identify_all(self.root, paths)
        self.path.mkdir(exist_ok=True)
        remove_partial(self.path)
        self._entries = self._index.read()
        for path in [path for path in self._entries if not (self.root / path).exists()]:
            self._file(path).unlink(missing_ok=True)
            del self._entries[path]

    def add(self, path: str, original_shape: tuple[int, int], content: bytes) -> None:
        """Writes a resized image; it is valid after the next `save`."""
        source = self._sources[path]
        if source is None:  # it came in between
            return
        with replacing(self._file(path)) as beside:
            beside.write_bytes(content)
        self._entries[path] = Entry(source, (*original_shape, len(content)))

    def save(self) -> None:
        """Writes the index."""
        self._index.write(self._entries)

    def _file(self, path: str) -> Path:
        return self.path / f"{hashlib.sha256(path.encode()).hexdigest()[:32]}{self.suffix}"
