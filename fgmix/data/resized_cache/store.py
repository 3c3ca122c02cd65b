"""Resized images on disk, and the index that tells which of them are valid.

Each image has its own file, so that the splits, shots and folds of a data set share one cache, and
an added or replaced image means one new file. A file that is not in the index, or does not match
its entry, is ignored.
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
"""Raise this when resized images are made differently: caches of older formats are not used."""

INDEX = "index.csv"


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


class _Row(NamedTuple):
    """A row of the index: the original when it was resized, and the size of the resized file.

    `bytes` and `mtime_ns` detect a replaced original; `copy_bytes` a truncated resized image.
    The names are the columns of the index file.
    """

    path: str
    bytes: int
    mtime_ns: int
    height: int
    width: int
    copy_bytes: int


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
        name = re.sub(r"[^\w.]+", "_", dataset.name.partition("/")[0])
        self.path = tfds_folder() / OWN_FOLDER / "prepared" / f"{name}-{purpose}-{digest}"
        self._rows: dict[str, _Row] = {}
        self._states: dict[str, tuple[int, int]] = {}

    def find(self, paths: Sequence[str]) -> dict[str, ResizedImage]:
        """Returns the valid resized images, by path: complete, and of an unchanged original."""
        rows = self._read_index()
        found = {}
        for path in paths:
            row = rows.get(path)
            if row is None or (row.bytes, row.mtime_ns) != _state(self.root / path):
                continue
            file = self._file(path)
            if file.is_file() and file.stat().st_size == row.copy_bytes:
                shape = (row.height, row.width)
                found[path] = ResizedImage(str(file), shape, row.bytes, row.copy_bytes)
        return found

    def open(self, paths: Sequence[str]) -> None:
        """Prepares the folder for adding these images; removes files of deleted originals.

        Call this before the originals are read: a change in the meantime is then detected later.
        """
        self._states = {path: _state(self.root / path) for path in paths}
        self.path.mkdir(exist_ok=True)
        remove_partial(self.path)
        self._rows = self._read_index()
        for path in [path for path in self._rows if not (self.root / path).exists()]:
            self._file(path).unlink(missing_ok=True)
            del self._rows[path]

    def add(self, path: str, original_shape: tuple[int, int], content: bytes) -> None:
        """Writes a resized image; it is valid after the next `save`."""
        with replacing(self._file(path)) as beside:
            beside.write_bytes(content)
        self._rows[path] = _Row(path, *self._states[path], *original_shape, len(content))

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
        except Exception as error:  # reading, parsing and conversion raise many types
            log.info("%s is damaged (%s): its photos are prepared again", self.path / INDEX, error)
            return {}


def _state(image: Path) -> tuple[int, int]:
    status = image.stat()
    return status.st_size, status.st_mtime_ns
