"""A local folder: of class folders, of split folders, or of any photos."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

from fgmix.data.importing.source import MAX_FILE_BYTES, Source, SourcePhoto
from fgmix.data.importing.tree import CONVERTED_SUFFIXES, find_tree
from fgmix.data.sources.walk import Kind, walk
from fgmix.errors import FgmixError


def open_folder(root: Path) -> Source:
    """Looks into a folder.

    Raises:
        FgmixError: If it holds no photo.
    """
    kinds: dict[str, Kind] = {}
    for path, kind in walk(root):
        convertible = kind is Kind.FORMAT and path.suffix.lower() in CONVERTED_SUFFIXES
        kinds[path.relative_to(root).as_posix()] = Kind.IMAGE if convertible else kind
    tree = find_tree(kinds)
    if not tree.places:
        told = f" ({'; '.join(tree.left_out)})" if tree.left_out else ""
        raise FgmixError(f"{root} holds no photo to import{told}")
    digest, total = hashlib.sha256(), 0
    for name in tree.places:
        status = (root / name).stat()
        digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
        total += status.st_size

    def photos(is_done: Callable[[str], bool]) -> Iterator[SourcePhoto]:
        for name, place in tree.places.items():
            if not is_done(name):
                yield SourcePhoto(
                    name, Path(name).name, read_limited(root / name), place.label, place.split
                )

    return Source(
        kind="a folder",
        location=str(root.resolve()),
        identity={"files": len(tree.places), "names, sizes and times": digest.hexdigest()},
        photos=photos,
        total=len(tree.places),
        num_bytes=total,
        left_out=tree.left_out,
    )


def read_limited(path: Path) -> bytes:
    """Reads a file, but nothing of one that is larger than any photo: it is then found damaged."""
    return path.read_bytes() if path.stat().st_size <= MAX_FILE_BYTES else b""
