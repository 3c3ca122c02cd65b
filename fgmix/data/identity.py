"""Knows an image file by its content, so that another file of the same name and size is noticed."""

import hashlib
import os
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

DIGEST_BYTES = 16

SETTLED_NS = 3_000_000_000
"""A file that changed less than this before it was read is read again: some file systems keep times
in steps of two seconds."""


class Identity(NamedTuple):
    """What tells an image file from another under the same path.

    Attributes:
        bytes: Its size.
        digest: BLAKE2b of its content, as hexadecimal digits.
    """

    bytes: int
    digest: str


_known: dict[tuple[int, ...], Identity] = {}
"""Of this process, by what the system says about a file: it says something else after any change
of a content, since no program can set the time of a file's last change of status (`st_ctime`)."""


def identify(file: Path | str) -> Identity:
    """Returns the identity of a file as it is now. A file that has not changed is read once.

    Raises:
        OSError: If it is not there or can't be read.
    """
    with Path(file).open("rb") as opened:
        status = os.fstat(opened.fileno())
        key = (
            status.st_dev,
            status.st_ino,
            status.st_size,
            status.st_mtime_ns,
            status.st_ctime_ns,
        )
        if key in _known:
            return _known[key]
        now = time.time_ns()
        digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
        size = 0
        while block := opened.read(1 << 20):
            digest.update(block)
            size += len(block)
    identity = Identity(size, digest.hexdigest())
    # On Windows, `st_ctime` is the time of creation, so a change could go unnoticed.
    if os.name == "posix" and max(key[-2:]) + SETTLED_NS < now:
        _known[key] = identity
    return identity


def identify_all(root: Path, paths: Iterable[str]) -> dict[str, Identity | None]:
    """Returns the identities of files by path, read on all cores; None for missing files.

    Args:
        root: What the paths are relative to.
        paths: The files.
    """

    def find(path: str) -> Identity | None:
        try:
            return identify(root / path)
        except OSError:
            return None

    paths = list(paths)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(paths, pool.map(find, paths), strict=True))
