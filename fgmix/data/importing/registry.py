"""The registry of the kinds of sources that can be imported."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from fgmix.data.importing.source import Columns, Source
from fgmix.data.sources.registry import SOURCES
from fgmix.errors import FgmixError, did_you_mean

SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
TAR = re.compile(r"\.(tar|tgz|tbz2|txz|tzst|tar\.(gz|bz2|xz|zst))", re.IGNORECASE)


@dataclass(frozen=True)
class Request:
    """What a user asks to import.

    Attributes:
        source: The source, as it is given.
        cache: A folder to download to.
        columns: The columns of a table.
        data_dir: The folder of a data set that fgmix knows by name.
    """

    source: str
    cache: Path
    columns: Columns = field(default_factory=Columns)
    data_dir: str | None = None

    @property
    def path(self) -> Path:
        """The source as a local path."""
        return Path(self.source).expanduser()


@dataclass(frozen=True)
class Kind:
    """A kind of source.

    Attributes:
        shown: What a source of this kind looks like, for messages.
        fits: Whether a source is of this kind.
        look: Looks into a source.
    """

    shown: str
    fits: Callable[[Request], bool]
    look: Callable[[Request], Source]


REMOTE = ("https", "http", "gs", "gcs", "s3", "az", "abfs", "sftp")
"""The kinds of addresses that fsspec reads, with its drivers."""

# Sources are imported when they are used, as in `fgmix.data.sources.registry`.


def _archive(request: Request) -> Source:
    from fgmix.data.importing.archive import open_archive

    return open_archive(request.path)


def _folder(request: Request) -> Source:
    from fgmix.data.importing.folder import open_folder

    return open_folder(request.path)


def _parquet(request: Request) -> Source:
    from fgmix.data.importing.parquet import open_parquet

    return open_parquet(request.path, request.columns)


def _is_parquet(request: Request) -> bool:
    from fgmix.data.importing.parquet import is_parquet

    return is_parquet(request.path)


def _hub(request: Request) -> Source:
    from fgmix.data.importing.hub import open_hub

    return open_hub(request.source, request.columns)


def _remote(request: Request) -> Source:
    from fgmix.data.importing.remote import open_remote

    return open_remote(request.source, request.cache, request.columns)


def _kaggle(request: Request) -> Source:
    from fgmix.data.importing.remote import open_kaggle

    return open_kaggle(request.source, request.cache)


def _is_remote(request: Request) -> bool:
    scheme = SCHEME.match(request.source)
    if scheme is None:
        return False
    from fsspec import available_protocols

    return scheme[1].lower() in available_protocols()


def _known(request: Request) -> Source:
    from fgmix.data.importing.known import open_known

    return open_known(request.source, request.data_dir)


def _is_known(request: Request) -> bool:
    return request.source in SOURCES and (bool(request.data_dir) or not request.path.exists())


def _is_archive(request: Request) -> bool:
    name = request.path.name.lower()
    return request.path.is_file() and (name.endswith(".zip") or bool(TAR.search(name)))


KINDS = {
    "archive": Kind(".zip, .tar, .tar.gz, .tar.bz2, .tar.xz, .tar.zst", _is_archive, _archive),
    "hub": Kind(
        "hf://datasets/OWNER/NAME[@REVISION][:CONFIG]",
        lambda request: request.source.startswith("hf://"),
        _hub,
    ),
    "kaggle": Kind(
        "kaggle://OWNER/NAME", lambda request: request.source.startswith("kaggle://"), _kaggle
    ),
    "remote": Kind("https://, gs://, s3:// and others of fsspec", _is_remote, _remote),
    "parquet": Kind("a .parquet file or a folder of them", _is_parquet, _parquet),
    "folder": Kind("a folder of photos", lambda request: request.path.is_dir(), _folder),
    "known": Kind("the names aircraft and cars", _is_known, _known),
}
"""Every kind of source by name; the first that fits is taken."""

SCHEMES = ("hf", "kaggle", *REMOTE)
NEAR, ALIKE = " ({})", 0.8
"""How a suggestion is put, and how alike it must be."""

SUFFIXES = (".parquet", ".zip", ".tar", ".tgz", ".tbz2", ".txz", ".tzst")


def find_kind(request: Request) -> Kind:
    """Returns the kind of a source, without opening it.

    Raises:
        FgmixError: If there is no such source, or its kind is not known.
    """
    for kind in KINDS.values():
        if kind.fits(request):
            return kind
    raise FgmixError(_unknown(request))


def _unknown(request: Request) -> str:
    known = f"known are {'; '.join(kind.shown for kind in KINDS.values())}"
    if scheme := SCHEME.match(request.source):
        hint = did_you_mean(scheme[0], [f"{one}://" for one in SCHEMES], NEAR, ALIKE)
        return f"unknown kind of source {scheme[0]}{hint}: {known}"
    path = request.path
    if path.exists():
        suffix = path.suffix.lower()
        what = f"{path} is a file of unknown kind {suffix!r}" if suffix else f"{path} has no suffix"
        return f"{what}{did_you_mean(suffix, SUFFIXES, NEAR, ALIKE)}: {known}"
    beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
    hint = did_you_mean(path.name, beside, NEAR, ALIKE)
    return f"there is no {request.source}{hint}: give a source; {known}"
