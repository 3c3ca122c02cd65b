"""Smaller copies of photos on disk, and the index that tells which of them count.

Copies are kept photo by photo, so that the splits, shots and folds of a data set share them and a
photo that is added or replaced costs one copy. A copy that is not in the index, or not as the index
has it, does not exist.
"""

import hashlib
import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from fgmix.data.dataset import ImageDataset
from fgmix.data.sources.locations import OWN_FOLDER, tfds_folder
from fgmix.files import read_csv, remove_partial, replacing, write_csv

log = logging.getLogger(__name__)

FORMAT = 1
"""To be raised with any change of what a copy looks like: older ones are then left alone."""

INDEX = "index.csv"


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


class _Row(NamedTuple):
    """A row of the index: a photo as it was when it was copied, and the size of its copy.

    Size and time of the last change tell a replaced photo; the copy's size, a truncated copy.
    """

    path: str
    bytes: int
    mtime_ns: int
    height: int
    width: int
    copy_bytes: int


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
        self._rows: dict[str, _Row] = {}
        self._states: dict[str, tuple[int, int]] = {}

    def find(self, paths: Sequence[str]) -> dict[str, Copy]:
        """The whole copies of those photos that are as they were when they were copied, by path."""
        rows = self._read_index()
        found = {}
        for path in paths:
            row = rows.get(path)
            if row is None or (row.bytes, row.mtime_ns) != _state(self.root / path):
                continue
            file = self._file(path)
            if file.is_file() and file.stat().st_size == row.copy_bytes:
                shape = (row.height, row.width)
                found[path] = Copy(str(file), shape, row.bytes, row.copy_bytes)
        return found

    def open(self, paths: Sequence[str]) -> None:
        """Makes the folder ready for copies of these photos, and clears it of those that are gone.

        To be called before the photos are read: one that changes meanwhile is then noticed.
        """
        self._states = {path: _state(self.root / path) for path in paths}
        self.path.mkdir(exist_ok=True)
        remove_partial(self.path)
        self._rows = self._read_index()
        for path in [path for path in self._rows if not (self.root / path).exists()]:
            self._file(path).unlink(missing_ok=True)
            del self._rows[path]

    def add(self, path: str, photo_shape: tuple[int, int], content: bytes) -> None:
        """Writes the copy of a photo; `save` makes it count."""
        with replacing(self._file(path)) as beside:
            beside.write_bytes(content)
        self._rows[path] = _Row(path, *self._states[path], *photo_shape, len(content))

    def save(self) -> None:
        """Writes the index."""
        write_csv(self.path / INDEX, _Row._fields, (row._asdict() for row in self._rows.values()))

    def _file(self, path: str) -> Path:
        return self.path / f"{hashlib.sha256(path.encode()).hexdigest()[:32]}{self.suffix}"

    def _read_index(self) -> dict[str, _Row]:
        try:
            table = read_csv(self.path / INDEX)
            return {
                row["path"]: _Row(row["path"], *(int(row[name]) for name in _Row._fields[1:]))
                for row in table
            }
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except Exception as error:  # reading, csv and conversion raise many kinds
            log.info("%s is damaged (%s): its photos are prepared again", self.path / INDEX, error)
            return {}


def _state(photo: Path) -> tuple[int, int]:
    status = photo.stat()
    return status.st_size, status.st_mtime_ns
