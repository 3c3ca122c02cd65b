"""Which columns of a table hold the paths, labels and splits."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from fgmix.errors import FgmixError

ROLES = ("path", "label", "split")
"""What is read of a table, and the usual names of the columns."""

FORM = "path=COLUMN,label=COLUMN,split=COLUMN"

_SIMILAR = {
    "path": (
        *("file", "filename", "file_name", "filepath", "file_path", "image", "image_path"),
        *("imagepath", "image_name", "image_file", "img", "img_path", "photo", "id", "image_id"),
    ),
    "label": (
        *("class", "class_name", "classname", "category", "species", "target", "labels", "name"),
        *("breed", "variety", "y"),
    ),
    "split": (),
}
"""Names that other programs give the columns. They are suggested, and never taken unasked."""


def parse_columns(text: str | None) -> dict[str, str]:
    """Returns the column of each role, from the value of `--columns`.

    Roles that it does not name have their usual columns. `split=` reads no splits.

    Raises:
        FgmixError: If it has another form.

    Example:
        >>> parse_columns("path=file, label=species")
        {'path': 'file', 'label': 'species', 'split': 'split'}
    """
    found: dict[str, str] = {}
    for part in (text or "").split(","):
        role, equals, column = (word.strip() for word in part.partition("="))
        if not part.strip():
            continue
        if role not in ROLES or not equals or role in found or not (column or role == "split"):
            raise FgmixError(f"--columns {text}: give {FORM}, or one or two of them")
        found[role] = column
    return {role: found.get(role, role) for role in ROLES}


def find_columns(table: Path, names: Sequence[str], columns: Mapping[str, str]) -> list[int | None]:
    """Finds the columns of a table by their names, in any case.

    Args:
        table: The table, for messages.
        names: The names of its columns.
        columns: The column of each role, from `parse_columns`. Only a split may lack its column, if
            it has its usual name.

    Returns:
        The index of the column of each role; None for a split that there is not.

    Raises:
        FgmixError: If a column is missing, or two have its name.
    """
    found = {role: _find(table, names, column) for role, column in columns.items()}
    missing = [
        role
        for role, index in found.items()
        if index is None and (role != "split" or columns[role] not in ("", "split"))
    ]
    if missing:
        raise _without_columns(table, names, columns, missing)
    return list(found.values())


def _find(table: Path, names: Sequence[str], name: str) -> int | None:
    if not name:
        return None
    for alike in (
        [i for i, other in enumerate(names) if other.strip() == name],
        [i for i, other in enumerate(names) if other.strip().lower() == name.lower()],
    ):
        if len(alike) > 1:
            shown = " and ".join(repr(names[i]) for i in alike)
            raise FgmixError(f"{table} has {len(alike)} columns {shown}: rename or remove one")
        if alike:
            return alike[0]
    return None


def _without_columns(
    table: Path, names: Sequence[str], columns: Mapping[str, str], missing: Sequence[str]
) -> FgmixError:
    """Returns the error for missing columns, which suggests those that may be meant."""
    own = {name.strip().lower(): name.strip() for name in names if name.strip()}
    meant = []
    for role in missing:
        near = [name for name in _SIMILAR[role] if name in own]
        near += get_close_matches(columns[role].lower(), own, 1, cutoff=0.7)
        meant.append(f"{role}={own[near[0]] if near else 'COLUMN'}")
    shown = ", ".join(list(own.values())[:8]) + ", ..." * (len(own) > 8)
    lacking = " and no column ".join(repr(columns[role]) for role in missing)
    remedy = "name the columns in the first row"
    if len(columns) > 1:
        remedy += f", or say which are meant: --columns {','.join(meant)}"
    return FgmixError(
        f"{table} has no column {lacking}: its columns are {shown or 'without names'}; {remedy}"
    )
