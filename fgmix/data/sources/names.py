"""Checks the names of classes and files: those that can't be stored, and those that look alike."""

import os
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from fgmix.errors import FgmixError

BREAKS = frozenset("\r\n")
"""Characters that no name may hold: lists of names have one name a line."""


def require_storable(folder: Path, names: Iterable[str]) -> None:
    """Checks that a run can store names of files or folders.

    Args:
        folder: Where they are.
        names: Their names, or their paths below the folder.

    Raises:
        FgmixError: If a name has a line break or is not UTF-8.
    """
    for name in names:
        _require_text(name, repr(str(folder / name)))


def require_class_names(place: object, names: Sequence[str]) -> None:
    """Checks that class names are not blank, can be stored and can be told apart.

    Single letters may differ in case alone: in a data set of handwriting they are classes.

    Args:
        place: Where the names are from, for messages.
        names: The names of all classes.

    Raises:
        FgmixError: If a name is blank or has a line break, or if two look the same.
    """
    seen: dict[str, str] = {}
    for name in sorted(names):
        _require_text(name, f"the class {name!r} of {place}")
        if not _seen(name):
            raise FgmixError(f"rename the class {name!r} of {place}: its name is blank")
        other = seen.setdefault(_appearance(name), name)
        if other != name and not {len(name), len(other)} == {1}:
            raise FgmixError(
                f"{place} has classes {differing(other, name)}: make them one class, or rename one"
            )


def looks_like(name: str, others: Iterable[str]) -> str | None:
    """Returns the first of other names that looks the same as a name, or None."""
    return next((o for o in others if o != name and _appearance(o) == _appearance(name)), None)


def differing(one: str, other: str) -> str:
    """Returns two names that look the same, and what differs in them, in words.

    Example:
        >>> differing("Audi", "audi")
        "'Audi' and 'audi', which differ only in upper and lower case"
        >>> differing("audi", "audi ")
        "'audi' and 'audi ', which differ only in spaces or invisible characters"
    """
    normal = [unicodedata.normalize("NFC", name) for name in (one, other)]
    found = []
    if [one, other] != normal:
        found.append("Unicode normal form (NFC, NFD)")
    if _seen(one) != _seen(other):
        found.append("upper and lower case")
    if normal != [_seen(one), _seen(other)]:
        found.append("spaces or invisible characters")
    show = repr if found == ["upper and lower case"] else ascii
    return f"{show(one)} and {show(other)}, which differ only in {' and in '.join(found)}"


def _appearance(name: str) -> str:
    return unicodedata.normalize("NFC", _seen(name).lower())


def _seen(name: str) -> str:
    """Returns what is seen of a name: without invisible characters, and with single spaces."""
    joiners = "\u200c\u200d"  # change how letters look in some scripts
    kept = (c for c in name if unicodedata.category(c) != "Cf" or c in joiners)
    return unicodedata.normalize("NFC", " ".join("".join(kept).split()))


def _require_text(name: str, what: str) -> None:
    if not BREAKS & set(name) and _is_text(name):
        return
    encoding = sys.getfilesystemencoding()
    if encoding != "utf-8" and _is_utf_8(name):
        raise FgmixError(
            f"Python takes the names of files to be {encoding} here, and {what} is not: set "
            f"PYTHONUTF8=1, or a locale such as LC_ALL=C.UTF-8"
        )
    raise FgmixError(f"rename {what}: its name has a line break or is not UTF-8")


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:  # Python represents bytes that are not UTF-8 as lone surrogates
        return False
    return True


def _is_utf_8(name: str) -> bool:
    """Returns whether the bytes of a name in the file system are UTF-8."""
    try:
        os.fsencode(name).decode()
    except UnicodeError:
        return False
    return not BREAKS & set(name)
