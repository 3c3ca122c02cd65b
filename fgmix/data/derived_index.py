"""The index of files that are made from images: which image each came from, and what is kept of it.

What is made from an image counts only as the index has it, and only while the image has the content
that it had.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from fgmix.data.identity import Identity, identify_all
from fgmix.files import read_csv, write_csv

log = logging.getLogger(__name__)


class Entry(NamedTuple):
    """A row of the index.

    Attributes:
        source: The image as it was when something was made from it.
        values: What is kept of that, in the order of the index's columns.
    """

    source: Identity
    values: tuple[int, ...]


class DerivedIndex:
    """A CSV file with a row for every image that something was made from.

    Any number of processes may read it. One that writes holds a lock of its own choice.

    Args:
        file: The CSV file.
        root: What the images' paths are relative to.
        columns: The names of the values in a row.
        loss: What a damaged index leads to, for the log.
    """

    def __init__(self, file: Path, root: Path, columns: Sequence[str], loss: str):
        self.file = file
        self._root = root
        self._columns = tuple(columns)
        self._loss = loss

    def read(self) -> dict[str, Entry]:
        """The entries by the path of their image; none if the file is missing or damaged."""
        try:
            rows = read_csv(self.file)
            if rows and "mtime_ns" in rows[0]:
                log.info("%s is of an older version: %s", self.file, self._loss)
                return {}
            return {
                row["path"]: Entry(
                    Identity(int(row["bytes"]), row["digest"]),
                    tuple(int(row[name]) for name in self._columns),
                )
                for row in rows
            }
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except Exception as error:  # reading, csv and conversion raise many kinds
            log.info("%s is damaged (%s): %s", self.file, error, self._loss)
            return {}

    def write(self, entries: Mapping[str, Entry]) -> None:
        """Writes the file anew, whole or not at all."""
        columns = ("path", *Identity._fields, *self._columns)
        rows = ((path, *source, *values) for path, (source, values) in entries.items())
        write_csv(self.file, columns, (dict(zip(columns, row, strict=True)) for row in rows))

    def current(self, paths: Iterable[str]) -> dict[str, Entry]:
        """The entries of those images that are there and have the content they were made of."""
        entries = self.read()
        listed = [path for path in paths if path in entries]
        found = identify_all(self._root, listed)
        return {path: entries[path] for path in listed if found[path] == entries[path].source}
