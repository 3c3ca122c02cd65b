"""Writing files so that nothing half-written is ever seen under a final name."""

import csv
import glob
import io
import json
import logging
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fgmix.errors import FgmixError
from fgmix.failpoints import failpoint

log = logging.getLogger(__name__)

PARTIAL = ".*.partial-*"


def is_empty(directory: Path) -> bool:
    """Whether a folder holds nothing, or only what interrupted writes left."""
    return all(path.match(PARTIAL) for path in directory.iterdir())


def remove_partial(directory: Path) -> None:
    """Removes from a folder what interrupted writes left."""
    for path in directory.glob(PARTIAL):
        _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a path beside `path` to write to, and renames it to `path` at the end.

    The last suffix is kept, since writers choose a format by it. What a failed write leaves
    behind is removed. An existing file is replaced; an existing folder is not.
    """
    beside = path.with_name(f".{path.stem}.partial-{os.getpid()}{path.suffix}")
    failpoint(f"write {path.name}")
    try:
        yield beside
        failpoint(f"rename {path.name}")
        beside.replace(path)
    finally:
        _remove(beside)


def write_text(path: Path, text: str) -> None:
    """Writes a text file, whole or not at all."""
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8")


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Writes a CSV file with a header, whole or not at all.

    Args:
        path: The file.
        columns: The header. What a row has beyond it is left out; what it lacks stays empty.
        rows: A mapping from column to value for every row.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def read_csv(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file with a header."""
    with path.open(newline="", encoding="utf-8") as file:
        try:
            return list(csv.DictReader(file))
        except csv.Error as error:
            raise ValueError(str(error)) from error


def read_json(path: Path) -> Any:
    """The content of a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def write_json(path: Path, value: object) -> None:
    """Writes an indented JSON file, whole or not at all."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


@contextmanager
def locked(path: Path, remedy: str = "choose another --data-dir") -> Iterator[None]:
    """Keeps other processes from providing `path` meanwhile; they wait. Makes its folder.

    Args:
        path: What is to be made.
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
    """Keeps other processes from working on `path` meanwhile; they are refused.

    Args:
        path: What is worked on. The lock lies beside it and ends with the process.
        refusal: What a second process is told.

    Raises:
        FgmixError: If another process is at it, or its folder can't be written to.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path.with_name(f".{path.name}.lock"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise FgmixError(refusal) from error
    except OSError as error:
        raise FgmixError(f"can't write to {path.parent}: {error.strerror}") from error
    try:
        yield
    finally:
        Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


def provide(path: Path, write: Callable[[Path], None]) -> Path:
    """Makes a file or folder that isn't there yet, whole or not at all.

    Of several processes that ask for it at once, one makes it and the others wait.

    Args:
        path: What to make.
        write: Makes it under the name that it is given.

    Returns:
        `path`.

    Raises:
        FgmixError: If it can't be written.
    """
    if path.exists():
        return path
    with locked(path):
        if not path.exists():
            # Under the lock, whatever is left was left by a process that was killed.
            for stale in path.parent.glob(f".{glob.escape(path.stem)}.partial-*{path.suffix}"):
                _remove(stale)
            try:
                with replacing(path) as beside:
                    write(beside)
            except OSError as error:
                raise FgmixError(f"can't make {path}: {error}") from error
    return path
