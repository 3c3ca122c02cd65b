"""The inputs of predictions: files, folders, patterns, and a list on standard input."""

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from time import monotonic

from fgmix.data.sources.folder import SUFFIXES, is_image_file
from fgmix.errors import FgmixError

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
    found = [None if text == LIST else find_images([text]) for text in inputs]
    paths = chain.from_iterable(read_list(0) if files is None else files for files in found)
    total = None if None in found else sum(len(files or ()) for files in found)
    return paths, total


def find_images(inputs: Iterable[str]) -> list[Path]:
    """Finds the files that files, folders and patterns stand for.

    A file is taken whatever its suffix. A folder stands for all visible files inside it that have
    an image suffix, and a pattern such as `photos/**/*.jpg` for those that match; both are sorted,
    and links are followed.

    Raises:
        FgmixError: If a path does not exist, or there is no image.
    """
    return list(chain.from_iterable(_images_at(text) for text in inputs))


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
    rest = b""
    try:
        while more := os.read(descriptor, 1 << 16):
            *whole, rest = (rest + more).split(b"\n")
            for line in whole:
                lines.put(line.removesuffix(b"\r"))
    except OSError as error:
        lines.put(error)
    lines.put(rest)
    lines.put(None)


def _images_at(text: str) -> list[Path]:
    path = Path(text)
    suffixes = ", ".join(sorted(SUFFIXES))
    if path.is_dir():
        images = list(_walk(path))
        if not images:
            raise FgmixError(f"{path} holds no image ({suffixes})")
        return images
    if path.exists():
        return [path]
    if not set(text) & set("*?["):
        raise FgmixError(f"no such file or folder: {path}")
    # Path.glob takes no absolute pattern and finds hidden files.
    matches = glob.iglob(text, recursive=True)  # noqa: PTH207
    images = sorted(match for match in map(Path, matches) if is_image_file(match))
    if not images:
        raise FgmixError(f"no image matches {text!r} ({suffixes}; '**' reaches into folders)")
    return images


def _walk(folder: Path, above: frozenset[Path] = frozenset()) -> Iterator[Path]:
    """Yields the images in a folder, sorted by path; `above` stops circular links."""
    place = folder.resolve()
    if place in above:
        return
    with os.scandir(folder) as entries:
        visible = sorted((e for e in entries if not e.name.startswith(".")), key=lambda e: e.name)
    for entry in visible:
        if entry.is_dir():
            yield from _walk(Path(entry.path), above | {place})
        elif Path(entry.name).suffix.lower() in SUFFIXES and entry.is_file():
            yield Path(entry.path)
