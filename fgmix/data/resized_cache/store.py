"""Smaller copies of photos on disk, and the index that tells which of them count.

Copies are kept photo by photo, so that the splits, shots and folds of a data set share them and a
photo that is added or replaced costs one copy. A copy that is not in the index, or not as the index
has it, does not exist.
"""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from fgmix.data.dataset import ImageDataset
from fgmix.data.derived_index import DerivedIndex, Entry, Identity, identify
from fgmix.data.sources.registry import OWN_FOLDER, tfds_folder
from fgmix.files import remove_partial, replacing

FORMAT = 1
"""To be raised with any change of what a copy looks like: older ones are then left alone."""

INDEX = "index.csv"

COLUMNS = ("height", "width", "copy_bytes")
"""Of the index: the shape of the photo, and the size of its copy, which tells a truncated one."""


class Copy(NamedTuple):
    """A smaller copy of a photo.

    Attributes:
        file: Path of the copy.
        photo_shape: Height and width of the photo, upright and cropped.
        photo_bytes: Size of the photo's file.
        bytes: Size of the copy's.
    """

    file: str
    photo_shape: tuple[int, int]
    photo_bytes: int
    bytes: int


class CopyFolder:
    """The folder that holds copies of a data set's photos, all made for one purpose.

    Any number of processes may read it. One that writes holds the lock of `path` and calls `open`
    first.

    Args:
        dataset: The data set.
        purpose: What decides how a copy is made, as a part of the folder's name.
        suffix: The suffix of the copies' files.
    """

    def __init__(self, dataset: ImageDataset, purpose: str, suffix: str):
        self.root = dataset.root
        self.suffix = suffix
        key = f"{FORMAT}\0{dataset.root.resolve()}\0{dataset.crop_bottom}"
        digest = hashlib.sha256(key.encode()).hexdigest()[:16]
        # Up to the slash: `aircraft` and `aircraft/family` share their photos.
        name = re.sub(r"[^\w.]+", "_", dataset.name.partition("/")[0])
        self.path = tfds_folder() / OWN_FOLDER / "prepared" / f"{name}-{purpose}-{digest}"
        self._index = DerivedIndex(
            self.path / INDEX, self.root, COLUMNS, "its photos are prepared again"
        )
        self._entries: dict[str, Entry] = {}
        self._sources: dict[str, Identity] = {}

    def find(self, paths: Sequence[str]) -> dict[str, Copy]:
        """The whole copies of those photos that are as they were when they were copied, by path."""
        entries = self._index.read()
        found = {}
        for path in paths:
            entry = entries.get(path)
            if entry is None or not self._index.is_current(path, entry):
                continue
            height, width, copy_bytes = entry.values
            file = self._file(path)
            if file.is_file() and file.stat().st_size == copy_bytes:
                found[path] = Copy(str(file), (height, width), entry.source.bytes, copy_bytes)
        return found

    def open(self, paths: Sequence[str]) -> None:
        """Makes the folder ready for copies of these photos, and clears it of those that are gone.

        To be called before the photos are read: one that changes meanwhile is then noticed.
        """
        self._sources = {path: identify(self.root / path) for path in paths}
        self.path.mkdir(exist_ok=True)
        remove_partial(self.path)
        self._entries = self._index.read()
        for path in [path for path in self._entries if not (self.root / path).exists()]:
            self._file(path).unlink(missing_ok=True)
            del self._entries[path]

    def add(self, path: str, photo_shape: tuple[int, int], content: bytes) -> None:
        """Writes the copy of a photo; `save` makes it count."""
        with replacing(self._file(path)) as beside:
            beside.write_bytes(content)
        self._entries[path] = Entry(self._sources[path], (*photo_shape, len(content)))

    def save(self) -> None:
        """Writes the index."""
        self._index.write(self._entries)

    def _file(self, path: str) -> Path:
        return self.path / f"{hashlib.sha256(path.encode()).hexdigest()[:32]}{self.suffix}"
