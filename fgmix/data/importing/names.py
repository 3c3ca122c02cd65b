"""Names of imported files and class folders, good on every system and in every data set."""

import re
import unicodedata
from pathlib import PurePosixPath

from fgmix.data.sources.walk import is_system

_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
MAX_LENGTH = 100
"""The most characters of a name, of which UTF-8 takes up to 4 bytes each of the 255 allowed; longer
names are cut."""


def safe_name(text: str) -> str:
    """Returns text as the name of a file or folder that is visible on every system.

    Example:
        >>> safe_name("Ram C/V Cargo Van Minivan 2012"), safe_name(".."), safe_name("")
        ('Ram C_V Cargo Van Minivan 2012', '_', '_')
    """
    name = unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode())
    name = _FORBIDDEN.sub("_", " ".join(name.split()))
    hidden, name = name.startswith("."), name.lstrip(". ")
    while len(name.encode()) > 2 * MAX_LENGTH or len(name) > MAX_LENGTH:
        name = name[:-1]
    name = "_" * hidden + name.rstrip(". ") or "_"
    return f"_{name}" if is_system(name) or _RESERVED.fullmatch(name) else name


class Places:
    """Gives every class a folder and every photo a name of its own, in the order they come.

    The same photos in the same order get the same names, which resuming relies on.
    """

    def __init__(self) -> None:
        self._folders: dict[str, str] = {}
        self._taken: set[str] = set()

    @property
    def renamed(self) -> dict[str, str]:
        """The classes whose folder has another name, by folder."""
        return {folder: label for label, folder in self._folders.items() if folder != label}

    def place(self, split: str, label: str | None, name: str, suffix: str) -> str:
        """Returns the path of a new file, relative to the target folder.

        Args:
            split: The split, empty if there are none.
            label: The class, None if there are none.
            name: The name of the source's file; its suffix is dropped.
            suffix: The suffix of the new file.
        """
        folder = "" if label is None else self._folder(label)
        stem = safe_name(PurePosixPath(name).stem or name)
        number, candidate = 1, stem
        while True:
            path = "/".join(part for part in (split, folder, candidate + suffix) if part)
            if path.lower() not in self._taken:
                self._taken.add(path.lower())
                return path
            number += 1
            candidate = f"{stem}-{number}"

    def take(self, path: str, label: str | None) -> None:
        """Reserves the path of a file that is there already."""
        self._taken.add(path.lower())
        if label is not None:
            self._folder(label)

    def _folder(self, label: str) -> str:
        if label not in self._folders:
            used = {folder.lower() for folder in self._folders.values()}
            name, number = safe_name(label), 1
            folder = name
            while folder.lower() in used:
                number += 1
                folder = f"{name}-{number}"
            self._folders[label] = folder
        return self._folders[label]
