"""The index of files that are made from images: which image each came from, and what is kept of it.

What is made from an image counts only as the index has it, and only while the image is as it was.
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from fgmix.files import read_csv, write_csv

log = logging.getLogger(__name__)


class Identity(NamedTuple):
    """What tells an image file from another under the same path.

    Attributes:
        bytes: Its size.
        mtime_ns: The time of its last change.
    """

    bytes: int
    mtime_ns: int


def identify(file: Path) -> Identity:
    """The identity of an image file as it is now.

    Raises:
        OSError: If it is not there.
    """
    status = file.stat()
    return Identity(status.st_size, status.st_mtime_ns)


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
            return {
                row["path"]: Entry(
                    Identity(*(int(row[name]) for name in Identity._fields)),
                    tuple(int(row[name]) for name in self._columns),
                )
                for row in read_csv(self.file)
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

    def is_current(self, path: str, entry: Entry) -> bool:
        """Whether an image is there and as it was when its entry was made."""
        try:
            return identify(self._root / path) == entry.source
        except OSError:
            return False
