"""Finds the photos that a table names, however their paths are written."""

import os
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from stat import S_ISDIR
from typing import NamedTuple

from fgmix.data.sources.walk import OTHER_SUFFIXES, SUFFIXES, is_system, subfolders


class Place(NamedTuple):
    """Where the photo of a row is.

    Attributes:
        file: Its full path without `..`; the path where it was expected, if it is not there.
        is_file: Whether a file is there.
        is_folder: Whether a folder is there instead.
    """

    file: Path
    is_file: bool
    is_folder: bool = False


class Photos:
    r"""The photos that a table names.

    A path is taken as it is written. If there is no such file, it is tried without the white space
    around it, with `/` for the `\` of Windows, in both normal forms of Unicode, and with the
    suffix of the only image of that name.

    Args:
        base: The folder that relative paths start from.
        paths: The paths, one a row.
    """

    def __init__(self, base: Path, paths: Sequence[str]):
        self.base = base.absolute()
        if ".." in self.base.parts or any(".." in _slashed(path).split("/") for path in paths):
            self.base = self.base.resolve()  # `..` of a link is beside what the link points to
        self._listed: dict[Path, list[str]] = {}
        self.places = [self._find(path) for path in paths]

    @cached_property
    def root(self) -> Path:
        """The base; or, if some photos are outside it, the folder that holds all of them."""
        files = [place.file for place in self.places]
        if all(file.is_relative_to(self.base) for file in files):
            return self.base
        return Path(os.path.commonpath([file.parent for file in files]))

    @cached_property
    def relative(self) -> list[str]:
        """The path of every row's photo relative to the root."""
        above = len(self.root.as_posix().rstrip("/")) + 1
        return [place.file.as_posix()[above:] for place in self.places]

    def count_beside(self) -> int:
        """Returns how many images are in the folders of the photos that are there."""
        folders = {place.file.parent for place in self.places if place.is_file}
        return sum(len(self._images(folder)) for folder in folders)

    def hint(self, path: str) -> str:
        """Returns where a photo that is not there may be, in words; `""` if nowhere near."""
        path = _slashed(path)
        for folder in subfolders(self.base) if self.base.is_dir() else ():
            if (folder / path).is_file():
                return f"it is in {folder}: add --data-dir {folder}"
        expected = self._full(path)
        for name in self._list(expected.parent):
            if name.lower() == expected.name.lower():
                return f"there is {name!r}: write it in the same case"
        return ""

    def _find(self, path: str) -> Place:
        for candidate in _spellings(path):
            file = self._full(candidate)
            try:
                is_folder = S_ISDIR(file.stat().st_mode)
            except (OSError, ValueError):  # ValueError: no file can have this name
                continue
            return Place(file, not is_folder, is_folder)
        expected = self._full(_slashed(path))
        if expected.suffix.lower() not in SUFFIXES | OTHER_SUFFIXES:
            alike = [n for n in self._images(expected.parent) if Path(n).stem == expected.name]
            if len(alike) == 1:
                return Place(expected.parent / alike[0], True)
        return Place(expected, False)

    def _full(self, path: str) -> Path:
        file = self.base / path
        if ".." not in file.parts:
            return file
        try:
            return file.resolve() if file.name == ".." else file.parent.resolve() / file.name
        except (OSError, RuntimeError, ValueError):  # links in a circle; no name of a file
            return Path(os.path.normpath(file))

    def _images(self, folder: Path) -> list[str]:
        """Returns the names of the visible images directly in a folder."""
        return [
            name
            for name in self._list(folder)
            if Path(name).suffix.lower() in SUFFIXES
            and not name.startswith(".")
            and not is_system(name)
        ]

    def _list(self, folder: Path) -> list[str]:
        if folder not in self._listed:
            try:
                self._listed[folder] = sorted(entry.name for entry in folder.iterdir())
            except (OSError, ValueError):
                self._listed[folder] = []
        return self._listed[folder]


def _slashed(path: str) -> str:
    return path.strip().replace("\\", "/")


def _spellings(path: str) -> Iterator[str]:
    """Yields the ways in which a path may be meant, each once, as it is written first."""
    yield path
    forms = (unicodedata.normalize(form, _slashed(path)) for form in ("NFC", "NFD"))
    yield from dict.fromkeys(p for p in (path.strip(), _slashed(path), *forms) if p != path)
