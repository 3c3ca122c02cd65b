"""Atomic writing of files and folders, and locks between processes."""

import csv
import glob
import hashlib
import io
import json
import logging
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from fgmix.errors import BusyError, FgmixError
from fgmix.failpoints import failpoint

log = logging.getLogger(__name__)

PARTIAL = ".*.partial-*"
"""The glob pattern of files and folders that interrupted writes leave."""


FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Spreadsheets run text that starts with one of these."""

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def is_empty(directory: Path) -> bool:
    """Returns whether a folder is empty except for leftovers of interrupted writes."""
    return all(path.match(PARTIAL) for path in directory.iterdir())


def remove_partial(directory: Path) -> None:
    """Removes the leftovers of interrupted writes from a folder."""
    for path in directory.glob(PARTIAL):
        _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path` to write to, and renames it to `path` on exit.

    The temporary path has the same last suffix, because many writers choose the format by it. It is
    removed if the write fails. An existing file is replaced; an existing folder is not.
    """
    # On hosts that share a folder, processes may have the same number.
    unique = f"{os.getpid()}-{secrets.token_hex(3)}"
    beside = path.with_name(f".{path.stem}.partial-{unique}{path.suffix}")
    failpoint(f"write {path.name}")
    try:
        yield beside
        failpoint(f"rename {path.name}")
        beside.replace(path)
    finally:
        _remove(beside)


def inside(root: Path, path: str) -> Path | None:
    """Returns the file `path` below a folder; None if the path leads out of the folder.

    Links in the folder are followed: a data set may be made of links to images elsewhere.

    Args:
        root: The folder.
        path: A path that was read from a file, relative to the folder.
    """
    return root / path if is_relative(path) and "\0" not in path else None


def is_relative(path: str) -> bool:
    """Returns whether a path is relative and doesn't lead upwards, on Windows neither."""
    kinds = (PurePosixPath(path), PureWindowsPath(path))
    return bool(path) and not any(kind.anchor or ".." in kind.parts for kind in kinds)


def write_text(path: Path, text: str) -> None:
    """Writes a text file atomically."""
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8")


def harmless(cell: object) -> object:
    """Returns a cell of a CSV file for people, with an apostrophe before text like a formula.

    A spreadsheet runs text that starts with `=`, `+`, `-`, `@`, a tab or a carriage return. Numbers
    stay as they are, as text too.

    Example:
        >>> harmless("=1+1"), harmless("-0.5"), harmless(-0.5)
        ("'=1+1", '-0.5', -0.5)
    """
    if not isinstance(cell, str) or not cell.startswith(FORMULA):
        return cell
    return cell if NUMBER.fullmatch(cell) else f"'{cell}"


def write_csv(
    path: Path,
    columns: Sequence[str],
    rows: Iterable[Mapping[str, object]],
    *,
    for_people: bool = False,
) -> None:
    """Writes a CSV file with a header atomically.

    Args:
        path: The file.
        columns: The header. Other keys of a row are ignored; missing keys give empty cells.
        rows: A mapping from column to value for every row.
        for_people: Whether it is opened in a spreadsheet: text is then made `harmless`. Files that
            fgmix reads back hold exact text.
    """
    if for_people:
        rows = [{key: harmless(cell) for key, cell in row.items()} for row in rows]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def read_csv(path: Path) -> list[dict[str, str]]:
    """Reads the rows of a CSV file with a header.

    Raises:
        OSError: If the file can't be read.
        ValueError: If it is not a CSV file.
    """
    with path.open(newline="", encoding="utf-8") as file:
        try:
            return list(csv.DictReader(file))
        except csv.Error as error:
            raise ValueError(str(error)) from error


def sha256_of(path: Path) -> str:
    """Returns the SHA-256 of a file's content, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_json(path: Path) -> Any:
    """Reads a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def write_json(path: Path, value: object) -> None:
    """Writes an indented JSON file atomically."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


@contextmanager
def locked(path: Path, remedy: str = "choose another --data-dir") -> Iterator[None]:
    """Locks `path` against other processes, waiting until it is free. Creates its folder.

    Args:
        path: The file or folder that is being made.
        remedy: What to do if its folder can't be written to, for the message.

    Raises:
        FgmixError: If the folder of `path` can't be written to.
    """
    from filelock import FileLock, Timeout

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_name(f".{path.name}.lock"))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            log.info("waiting for another process that is making %s", path)
            lock.acquire()
    except OSError as error:
        raise FgmixError(f"can't write to {path.parent}: {error.strerror}; {remedy}") from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def alone(path: Path, refusal: str) -> Iterator[None]:
    """Locks `path` against other processes, without waiting. Creates its folder.

    Args:
        path: The file or folder to lock. The lock file is beside it; the lock ends with the
            process.
        refusal: The message if another process holds the lock.

    Raises:
        BusyError: If another process holds the lock.
        FgmixError: If the folder can't be written to.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path.with_name(f".{path.name}.lock"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise BusyError(refusal) from error
    except OSError as error:
        raise FgmixError(f"can't write to {path.parent}: {error.strerror}") from error
    try:
        yield
    finally:
        Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


def is_locked(path: Path) -> bool:
    """Returns whether a process on this host holds the lock of `alone`; writes nothing."""
    from filelock import FileLock, Timeout

    lock = FileLock(path.with_name(f".{path.name}.lock"))
    if not Path(lock.lock_file).exists():
        return False
    try:
        lock.acquire(timeout=0)
    except (Timeout, OSError):
        return True
    lock.release()
    return False


def provide(
    path: Path, write: Callable[[Path], None], is_current: Callable[[], bool] = lambda: True
) -> Path:
    """Makes a file or folder atomically, unless it exists and is current.

    If several processes need it at the same time, one makes it and the others wait.

    Args:
        path: The file or folder to make.
        write: Writes it to the path it is given.
        is_current: Whether what exists may be used. Otherwise it is removed and made anew.

    Returns:
        `path`.

    Raises:
        FgmixError: If it can't be written.
    """
    if path.exists() and is_current():
        return path
    with locked(path):
        if not path.exists() or not is_current():
            _remove(path)
            # Under the lock, any temporary path is the leftover of a killed process.
            for stale in path.parent.glob(f".{glob.escape(path.stem)}.partial-*{path.suffix}"):
                _remove(stale)
            try:
                with replacing(path) as beside:
                    write(beside)
            except OSError as error:
                raise FgmixError(f"can't make {path}: {error}") from error
    return path
