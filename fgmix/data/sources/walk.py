"""Walks folders of images: the one place that says what is an image and what is passed over.

Every command that reads a folder walks it by `walk`, so that all of them read the same files and
name the same ones that they don't read.
"""

import logging
import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from enum import Enum
from functools import cache
from pathlib import Path
from typing import NamedTuple

log = logging.getLogger(__name__)

SUFFIXES = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".pjpeg", ".pjp", ".mpo"),  # all JPEG
        *(".png", ".bmp", ".dib", ".gif", ".webp"),
    }
)
"""Suffixes of the files that are read. The content decides how a file is decoded."""

SHOWN_SUFFIXES = ".bmp, .gif, .jfif, .jpeg, .jpg, .png, .webp"
"""The usual ones of `SUFFIXES`, for messages."""

OTHER_SUFFIXES = frozenset(
    {
        *(".tif", ".tiff", ".heic", ".heif", ".hif", ".heics", ".avif", ".avifs", ".jxl"),
        *(".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx", ".jpm", ".jxr", ".wdp", ".hdp"),
        *(".apng", ".mng", ".jng", ".svg", ".svgz", ".ico", ".cur", ".icns", ".psd", ".psb"),
        *(".xcf", ".tga", ".pcx", ".pbm", ".pgm", ".ppm", ".pnm", ".pam", ".pfm", ".sgi", ".ras"),
        *(".exr", ".hdr", ".dcm", ".dicom", ".nii", ".fits", ".qoi", ".dds", ".xbm", ".xpm"),
        # Raw files of cameras.
        *(".dng", ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".srf", ".sr2", ".orf", ".raf"),
        *(".rw2", ".rwl", ".pef", ".ptx", ".srw", ".x3f", ".3fr", ".fff", ".iiq", ".mrw", ".kdc"),
        *(".dcr", ".erf", ".mef", ".mos", ".raw", ".gpr"),
    }
)
"""Suffixes of images that are not read."""

SYSTEM_FILES = frozenset(
    {
        *(".ds_store", ".localized", "icon\r", ".apdisk", ".volumeicon.icns"),  # macOS
        *("thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini"),  # Windows
        *(".directory", ".nomedia", ".picasa.ini", "picasa.ini"),
    }
)
SYSTEM_FOLDERS = frozenset(
    {
        *("__macosx", ".appledouble", ".spotlight-v100", ".fseventsd", ".temporaryitems"),
        *(".trash", ".trashes", ".documentrevisions-v100"),
        *("$recycle.bin", "system volume information", "lost+found"),
        *("@eadir", "#recycle", "#snapshot", ".@__thumb", "@recycle"),  # network storage
        *(".thumbnails", ".comments", ".picasaoriginals"),
        *(".git", ".hg", ".svn", ".dvc", ".idea", ".vscode"),
        *(".ipynb_checkpoints", "__pycache__"),
    }
)
"""What systems and tools leave in folders, in lower case. It is passed over without a word."""

SYSTEM_PREFIXES = ("._", ".trash-", ".fuse_hidden", ".nfs")


class Kind(Enum):
    """What is found in a folder. The value tells people why a file is not read."""

    IMAGE = "image"
    FORMAT = "in formats that are not read"
    HIDDEN = "in hidden folders or with hidden names"
    OUTSIDE = "in no class folder"
    UNUSED = "in folders that are no split"
    UNNAMED = "that the annotations don't name"
    LINK = "broken links"
    OTHER = "no photos"


class Found(NamedTuple):
    """A file that was found.

    Attributes:
        path: The file.
        kind: What it is.
    """

    path: Path
    kind: Kind

    @property
    def is_photo(self) -> bool:
        """Whether it is, or may be, a photo."""
        return self.kind is not Kind.OTHER


def walk(
    folder: Path,
    *,
    without: Collection[Path] = (),
    hidden: bool = False,
    above: frozenset[Path] = frozenset(),
) -> Iterator[Found]:
    """Yields the files anywhere inside a folder, sorted as their paths are.

    Links are followed, but not in circles. Files of the system are left out, and so are hidden
    files that are no photos.

    Args:
        folder: The folder.
        without: Folders directly in it that are left out.
        hidden: Whether the folder is hidden.
        above: The folders above it, resolved.
    """
    place = folder.resolve()
    if place in above:
        return
    for entry in _entries(folder):
        path, below = Path(entry.path), hidden or entry.name.startswith(".")
        if _is_dir(entry):
            if path not in without:
                yield from walk(path, hidden=below, above=above | {place})
            continue
        kind = kind_of(path) if entry.is_symlink() else _kind(path, entry.is_file())
        if not below:
            yield Found(path, kind)
        elif kind is not Kind.OTHER:
            yield Found(path, Kind.HIDDEN)


def subfolders(folder: Path) -> list[Path]:
    """Lists the visible folders directly in a folder, sorted, without those of the system."""
    return [Path(e.path) for e in _entries(folder) if _is_dir(e) and not e.name.startswith(".")]


def _is_dir(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        found = [entry for entry in entries if not is_system(entry.name)]
    return sorted(found, key=lambda entry: entry.name)


def is_system(name: str) -> bool:
    """Returns whether a file or folder of this name belongs to the system or to a tool."""
    name = name.lower()
    return name in SYSTEM_FILES or name in SYSTEM_FOLDERS or name.startswith(SYSTEM_PREFIXES)


def kind_of(path: Path) -> Kind:
    """Returns what a file is, by its suffix; of a file with an unknown suffix, by its content."""
    return _kind(path, path.is_file())


def _kind(path: Path, is_file: bool) -> Kind:
    if not is_file:
        return Kind.LINK if path.is_symlink() and not path.exists() else Kind.OTHER
    suffix = path.suffix.lower()
    if suffix in SUFFIXES:
        return Kind.IMAGE
    if suffix in OTHER_SUFFIXES:
        return Kind.FORMAT
    kind = _kind_by_content(path)
    return Kind.FORMAT if kind is Kind.IMAGE and suffix else kind


def _kind_by_content(path: Path) -> Kind:
    """Returns what a file is, by the signatures of JPEG, PNG, GIF, WebP, BMP, TIFF, HEIC, AVIF."""
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError:
        return Kind.OTHER
    if head.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a")):
        return Kind.IMAGE
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return Kind.IMAGE
    # A text may begin with BM too, but four bytes of a bitmap's header are zero.
    if head.startswith(b"BM") and head[6:10] == bytes(4):
        return Kind.IMAGE
    heif = head[4:8] == b"ftyp" and head[8:12] in (b"heic", b"heix", b"mif1", b"avif", b"avis")
    return Kind.FORMAT if heif or head.startswith((b"II*\0", b"MM\0*")) else Kind.OTHER


def find_unnamed(root: Path, folder: str, named: Collection[str]) -> tuple[Found, ...]:
    """Finds the photos in a folder that the annotations of a data set don't name.

    Args:
        root: The folder of the data set.
        folder: The folder of its images, relative to the root.
        named: The images that the annotations name, relative to the root.

    Returns:
        The other photos, relative to the root.
    """
    found = (Found(path.relative_to(root), kind) for path, kind in walk(root / folder))
    return tuple(
        Found(path, Kind.UNNAMED if kind is Kind.IMAGE else kind)
        for path, kind in found
        if kind is not Kind.OTHER and path.as_posix() not in named
    )


def tell_left_out(root: Path, left_out: Sequence[Found]) -> None:
    """Logs in one line what is left out of a data set, if anything is.

    It is told once in a process: a command may load its data set more than once.
    """
    if left_out:
        tell_once(f"left out of {root}: {describe_left_out(left_out)}")


@cache
def tell_once(line: str) -> None:
    """Logs a line, once in a process."""
    log.warning("%s", line)


def describe_left_out(left_out: Iterable[Found]) -> str:
    """Returns in words how many files were left out, by kind.

    Example:
        >>> describe_left_out([Found(Path("x.tif"), Kind.FORMAT), Found(Path("y"), Kind.OTHER)])
        '1 photo in formats that are not read (1 .tif), 1 file that is no photo (1 without suffix)'
    """
    by_kind: dict[Kind, list[Path]] = {}
    for path, kind in left_out:
        by_kind.setdefault(kind, []).append(path)
    return ", ".join(_in_words(kind, by_kind[kind]) for kind in Kind if kind in by_kind)


def _in_words(kind: Kind, paths: list[Path]) -> str:
    count, plural = len(paths), "s" * (len(paths) != 1)
    if kind is Kind.LINK:
        return f"{count} broken link{plural}"
    suffixes = Counter(path.suffix.lower() or "without suffix" for path in paths)
    if kind in (Kind.OUTSIDE, Kind.UNUSED, Kind.UNNAMED, Kind.HIDDEN):
        where = f"such as {paths[0]}"
    else:
        where = ", ".join(f"{number} {suffix}" for suffix, number in suffixes.most_common(6))
        where += ", ..." * (len(suffixes) > 6)
    if kind is Kind.OTHER:
        what = f"file{plural} that {'are no photos' if plural else 'is no photo'}"
    else:
        what = f"photo{plural} {kind.value}"
    return f"{count} {what} ({where})"
