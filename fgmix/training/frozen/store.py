"""Feature maps on disk: a raw file of float16 maps a view, and an index of which photo is where.

Maps are kept photo by photo, so that the splits, shots and folds of a data set, every attention and
every seed share them. A map that is not in the index, or not as the index has it, does not exist.
"""

import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from fgmix.data.derived_index import DerivedIndex, Entry
from fgmix.data.identity import identify

SAVE_EVERY = 1000
"""Maps between two writes of the index: what a killed process loses at most."""


COLUMNS = ("row", "crc32")
"""Of the index: a map's place and checksum."""


class FeatureStore:
    """The maps of a data set's photos in one view.

    Any number of processes may read it; one that writes holds a lock of its own choice.

    Args:
        root: What the photos' paths are relative to.
        folder: Where the store lies.
        view: Its name, a part of two file names.
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
        """Those photos that have no whole map, or have changed since it was computed.

        Every map is read once and checked against its checksum.
        """
        entries, maps = self.index.current(paths), self._open()
        return [path for path in paths if not self._is_whole(path, entries.get(path), maps)]

    def add(self, paths: Sequence[str], maps: Iterable[np.ndarray]) -> None:
        """Writes maps one by one, each over its photo's old one; the index every now and then.

        Args:
            paths: The photos, none of which has been read yet: one that changes from now on is
                noticed by the next reader.
            maps: Their maps, in order, float16 of the store's shape.
        """
        sources = [identify(self.root / path) for path in paths]
        entries = self.index.read()
        if not entries:
            # Not over maps that another process may have mapped into its memory.
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
                        self._save(entries, file)
            finally:
                self._save(entries, file)  # after Ctrl-C too: the next run goes on from there

    def read(self, paths: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """The maps as they lie on disk, and where in them these photos' are.

        Args:
            paths: Photos that are not `missing`.

        Returns:
            float16 `(m, height, width, channels)`, mapped into memory, and int64 `(n,)`, the row
            of every path.
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

    def _save(self, entries: dict[str, Entry], file: BinaryIO) -> None:
        file.flush()
        self.index.write(entries)
