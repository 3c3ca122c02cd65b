"""Archives: zip and tar, read in one pass and never unpacked to paths of their own."""

import bz2
import gzip
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any, NamedTuple

from fgmix.data.importing.source import MAX_FILE_BYTES, Source, SourcePhoto
from fgmix.data.importing.tree import find_tree
from fgmix.errors import FgmixError
from fgmix.files import is_relative, sha256_of

SUFFIXES = (
    *(".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz"),
    *(".tar.zst", ".tzst"),
)

HARMLESS_BYTES = 1 << 30
MAX_RATIO = 200
"""An archive that announces more than both of these is taken for a bomb: photos are compressed
already, and even drawings shrink less."""

_DAMAGE = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError),
    *(OSError, NotImplementedError, RuntimeError, ValueError),
)
"""What the libraries raise for damaged, encrypted or unknown content."""


class _Member(NamedTuple):
    """A regular file in an archive.

    Attributes:
        key: Its path; below a folder `copy 2` if it is the second of this path.
        size: The size in bytes that it announces.
        read: Reads its content, as long as it is the member at hand.
    """

    key: str
    size: int
    read: Callable[[], bytes]


def open_archive(path: Path) -> Source:
    """Looks into an archive, without unpacking it.

    Nothing is ever written under a path that the archive chooses. Links, devices and pipes are left
    out.

    Raises:
        FgmixError: If it is damaged or encrypted, holds no photo, names a path outside of itself,
            or announces far more than its size can hold.
    """
    others: Counter[str] = Counter()
    sizes = {member.key: member.size for member in _members(path, others)}
    tree = find_tree(list(sizes))
    left_out = [*tree.left_out]
    left_out += [f"{count} {what}" for what, count in others.items()]
    if not tree.places:
        told = f" ({'; '.join(left_out)})" if left_out else ""
        raise FgmixError(f"{path} holds no photo to import{told}")

    def photos(is_done: Callable[[str], bool]) -> Iterator[SourcePhoto]:
        for member in _members(path, Counter()):
            place = tree.places.get(member.key)
            if place is not None and not is_done(member.key):
                name = PurePosixPath(member.key).name
                with _named(path):
                    content = member.read()
                yield SourcePhoto(member.key, name, content, place.label, place.split)

    return Source(
        kind="an archive",
        location=str(path.resolve()),
        identity={"bytes": path.stat().st_size, "sha256": sha256_of(path)},
        photos=photos,
        total=len(tree.places),
        num_bytes=sum(sizes[key] for key in tree.places),
        left_out=tuple(left_out),
    )


def _members(path: Path, others: Counter[str]) -> Iterator[_Member]:
    """Yields the regular files of an archive in their order; counts what else it has."""
    found = _zip_members(path, others) if path.suffix.lower() == ".zip" else _tar(path, others)
    total, limit = 0, max(HARMLESS_BYTES, MAX_RATIO * path.stat().st_size)
    seen: Counter[str] = Counter()
    while True:
        with _named(path):
            member = next(found, None)
        if member is None:
            return
        if not is_relative(member.key):
            raise FgmixError(
                f"{path} names a file outside of itself, {member.key!r}: it is not safe to import"
            )
        total += member.size
        if total > limit:
            raise FgmixError(
                f"{path} announces at least {_size(total)} in an archive of "
                f"{_size(path.stat().st_size)}: it is not safe to import; unpack it yourself and "
                f"import the folder if you trust it"
            )
        seen[member.key] += 1
        number = seen[member.key]
        if number > 1:
            place = PurePosixPath(member.key)
            member = member._replace(key=str(place.parent / f"copy {number}" / place.name))
        yield member


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Turns what the libraries raise for a damaged archive into a line with its name."""
    try:
        yield
    except _DAMAGE as error:
        if isinstance(error, OSError) and error.filename:
            raise
        reason = " ".join(str(error).split()) or type(error).__name__
        if "encrypted" in reason or "password" in reason:
            reason = "it has a password: unpack it yourself and import the folder"
        raise FgmixError(f"can't read the archive {path}: {reason}") from error


def _zip_members(path: Path, others: Counter[str]) -> Iterator[_Member]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            mode = info.external_attr >> 16
            name = info.filename
            if info.is_dir():
                continue
            if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
                others["link(s) or device(s)"] += 1
                continue

            def read(info: zipfile.ZipInfo = info) -> bytes:
                with archive.open(info) as file:
                    return _read(file, info.file_size)

            yield _Member(name, info.file_size, read)


def _tar(path: Path, others: Counter[str]) -> Iterator[_Member]:
    with _decompressed(path) as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
        for info in archive:
            if info.isdir():
                continue
            if not info.isreg():
                others["link(s) or device(s)"] += 1
                continue

            def read(info: tarfile.TarInfo = info) -> bytes:
                file = archive.extractfile(info)
                return _read(file, info.size) if file else b""

            # A leading ./ is how `tar` writes the files of the folder it is in.
            yield _Member(info.name.removeprefix("./"), info.size, read)


@contextmanager
def _decompressed(path: Path) -> Iterator[Any]:
    with path.open("rb") as file:
        head = file.read(6)
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        import pyarrow as pa

        with pa.input_stream(str(path), compression="zstd") as stream:
            yield stream
        return
    kinds: dict[bytes, Callable[..., Any]] = {
        b"\x1f\x8b": gzip.open,
        b"BZh": bz2.open,
        b"\xfd7zXZ\0": lzma.open,
    }
    opened = next((kinds[k] for k in kinds if head.startswith(k)), None)
    with opened(path, "rb") if opened else path.open("rb") as stream:
        yield stream


def _read(file: IO[bytes], size: int) -> bytes:
    """Reads a member; nothing of one that is larger than any photo, which is then found damaged."""
    return file.read(size) if size <= MAX_FILE_BYTES else b""


def _size(size: int) -> str:
    return f"{size / 1e9:,.1f} GB" if size >= 1e8 else f"{size / 1e6:,.3f} MB"
