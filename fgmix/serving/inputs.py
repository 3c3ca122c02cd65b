"""The inputs of predictions: files, folders, patterns, and a list on standard input."""

import codecs
import glob
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from time import monotonic

from fgmix.data.sources.manifest.naming import is_table
from fgmix.data.sources.walk import (
    SHOWN_SUFFIXES,
    Found,
    Kind,
    describe_left_out,
    is_system,
    kind_of,
    walk,
)
from fgmix.errors import FgmixError

log = logging.getLogger(__name__)

LIST = "-"
"""The input that stands for a list of files on standard input."""
PAUSE_SECONDS = 0.1
QUEUED_LINES = 1024


def open_inputs(inputs: Sequence[str]) -> tuple[Iterator[Path | None], int | None]:
    """Finds the files that inputs stand for, including lists on standard input.

    Args:
        inputs: Files, folders and patterns as for `find_images`, and `LIST`.

    Returns:
        The files in the order of the inputs, with None where a list pauses; and their number, None
        if there is a list.

    Raises:
        FgmixError: As `find_images`.
    """
    images = iter(_images_at(text for text in inputs if text != LIST))
    found = [None if text == LIST else next(images) for text in inputs]
    paths = chain.from_iterable(read_list(0) if files is None else files for files in found)
    total = None if None in found else sum(len(files or ()) for files in found)
    return paths, total


def find_images(inputs: Iterable[str]) -> list[Path]:
    """Finds the files that files, folders and patterns stand for.

    A table (`.csv`, `.tsv`, `.jsonl`, `.parquet`) stands for the photos in its column `path`. Any
    other file is taken whatever its suffix. A folder stands for all visible images inside it, and a
    pattern such as `photos/**/*.jpg` for those that match; both are sorted, and links are followed.
    One line is logged about the other files there.

    Raises:
        FgmixError: If a path does not exist, a table can't be read, or there is no image.
    """
    return list(chain.from_iterable(_images_at(inputs)))


def read_list(descriptor: int) -> Iterator[Path | None]:
    """Reads the names of files, one per line, as they arrive.

    Args:
        descriptor: The file descriptor to read from. At most `QUEUED_LINES` lines are read ahead.

    Yields:
        The files, and None when no further line has arrived yet, so that the files so far can be
        processed.
    """
    lines: Queue[bytes | OSError | None] = Queue(QUEUED_LINES)
    Thread(target=_read_lines, args=(descriptor, lines), daemon=True).start()
    patience = PAUSE_SECONDS
    while True:
        start = monotonic()
        try:
            line = lines.get(timeout=max(0.0, patience))
            patience -= monotonic() - start
        except Empty:
            yield None
            patience = PAUSE_SECONDS
            line = lines.get()
        if line is None:
            return
        if isinstance(line, OSError):
            raise line
        if line:
            yield Path(os.fsdecode(line))


def _read_lines(descriptor: int, lines: Queue[bytes | OSError | None]) -> None:
    # From the descriptor: a thread that blocks in `sys.stdin` crashes Python at exit.
    rest, mark = b"", codecs.BOM_UTF8  # Windows writes one before the first line
    try:
        while more := os.read(descriptor, 1 << 16):
            *whole, rest = (rest + more).split(b"\n")
            for line in whole:
                lines.put(line.removeprefix(mark).removesuffix(b"\r"))
                mark = b""
    except OSError as error:
        lines.put(error)
    lines.put(rest.removeprefix(mark).removesuffix(b"\r"))
    lines.put(None)


def _images_at(inputs: Iterable[str]) -> list[list[Path]]:
    """Finds the images of every input, and logs in one line what else is there."""
    found = [_files_at(text) for text in inputs]
    left_out = [f for files in found for f in files if f.kind is not Kind.IMAGE]
    if left_out:
        log.warning("left out: %s", describe_left_out(left_out))
    return [[path for path, kind in files if kind is Kind.IMAGE] for files in found]


def _files_at(text: str) -> list[Found]:
    """Finds the files that an input stands for, images and others."""
    path = Path(text)
    if path.is_dir():
        files = list(walk(path))
        _require_image(files, f"{path} holds no image ({SHOWN_SUFFIXES})")
        return files
    if path.exists():
        if not is_table(path.name):
            return [Found(path, Kind.IMAGE)]
        from fgmix.data.sources.manifest.survey import read_photos

        return [Found(photo, Kind.IMAGE) for photo in read_photos(path)]
    if not set(text) & set("*?["):
        raise FgmixError(f"no such file or folder: {path}")
    # Not Path.glob, which takes no absolute pattern and finds hidden files.
    matches = sorted(map(Path, glob.iglob(text, recursive=True)))  # noqa: PTH207
    matches = [path for path in matches if not path.is_dir() and not is_system(path.name)]
    files = [Found(p, Kind.HIDDEN if p.name.startswith(".") else kind_of(p)) for p in matches]
    _require_image(
        files, f"no image matches {text!r} ({SHOWN_SUFFIXES}; '**' reaches into folders)"
    )
    return files


def _require_image(files: Sequence[Found], refusal: str) -> None:
    if not any(found.kind is Kind.IMAGE for found in files):
        there = f", but {describe_left_out(files)}" if files else ""
        raise FgmixError(refusal + there)
