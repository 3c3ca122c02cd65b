"""Stores feature maps on disk: per view, a raw file of float16 maps and an index of the images.

Maps are stored per image, so that all splits, shots, folds, attentions and seeds of a data set
share them. A map that is not in the index, or does not match its checksum there, is ignored.
"""

import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from fgmix.data.derived_index import DerivedIndex, Entry
from fgmix.data.identity import identify

SAVE_EVERY = 1000
"""The index is written after this many maps, the most that a killed process loses."""


COLUMNS = ("row", "crc32")
"""The columns of the index: a map's row and checksum."""


class FeatureStore:
    """The feature maps of a data set's images in one view.

    Any number of processes may read it. The caller must hold a lock to write.

    Args:
        root: The folder that the images' paths are relative to.
        folder: The folder of the store.
        view: The view's name, used in file names.
        shape: `(height, width, channels)` of a map.
    """

    def __init__(self, root: Path, folder: Path, view: str, shape: tuple[int, int, int]):
        self.root = root
        self.maps = folder / f"{view}.maps"
        self.index = DerivedIndex(
            folder / f"{view}.csv", root, COLUMNS, "its features are computed again"
        )
        self.shape = shape

    @property
    def map_bytes(self) -> int:
        """Size of a map on disk."""
        return int(np.prod(self.shape)) * np.dtype(np.float16).itemsize

    def missing(self, paths: Sequence[str]) -> list[str]:
        """Returns the images that have no valid map or have changed since it was computed.

        Every map is read once to verify its checksum.
        """
        entries, maps = self.index.current(paths), self._open()
        return [path for path in paths if not self._is_whole(path, entries.get(path), maps)]

    def add(self, paths: Sequence[str], maps: Iterable[np.ndarray]) -> None:
        """Writes maps one by one, replacing old maps of the same images.

        Args:
            paths: The images. They must not have been read yet, so that the next reader notices
                images that change while their maps are computed.
            maps: Their maps, in order, float16 of the store's shape.
        """
        sources = [identify(self.root / path) for path in paths]
        entries = self.index.read()
        if not entries:
            # Do not overwrite maps that another process may have mapped into memory.
            self.maps.unlink(missing_ok=True)
        free = max((entry.values[0] for entry in entries.values()), default=-1) + 1
        self.maps.parent.mkdir(parents=True, exist_ok=True)
        with self.maps.open("r+b" if self.maps.exists() else "w+b") as file:
            try:
                described = zip(paths, sources, maps, strict=True)
                for count, (path, source, features) in enumerate(described, 1):
                    content = np.ascontiguousarray(features).tobytes()
                    place = entries[path].values[0] if path in entries else free
                    free = max(free, place + 1)
                    file.seek(place * self.map_bytes)
                    file.write(content)
                    entries[path] = Entry(source, (place, zlib.crc32(content)))
                    if count % SAVE_EVERY == 0:
                        self.save(entries, file)
            finally:
                self.save(entries, file)  # after Ctrl-C too, so that the next run continues here

    def read(self, paths: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Returns all maps and the rows of some images in them.

        Args:
            paths: Images that are not `missing`.

        Returns:
            float16 `(m, height, width, channels)`, memory-mapped, and int64 `(n,)`, the row of
            every path.
        """
        entries = self.index.read()
        return self._open(), np.array([entries[path].values[0] for path in paths], np.int64)

    def _open(self) -> np.ndarray:
        count = self.maps.stat().st_size // self.map_bytes if self.maps.exists() else 0
        if count == 0:
            return np.empty((0, *self.shape), np.float16)
        return np.memmap(self.maps, np.float16, "r", shape=(count, *self.shape))

    def _is_whole(self, path: str, entry: Entry | None, maps: np.ndarray) -> bool:
        if entry is None:
            return False
        place, crc32 = entry.values
        return place < len(maps) and zlib.crc32(maps[place].tobytes()) == crc32

    def save(self, entries: dict[str, Entry], file: BinaryIO) -> None:
        """Writes the index after the maps that it names.

        Args:
            entries: The entries of the index, by path.
            file: The open file of the maps.
        """
        file.flush()
        self.index.write(entries)
