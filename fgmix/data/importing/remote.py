"""Sources elsewhere: buckets and web addresses through fsspec, and data sets of Kaggle."""

import hashlib
import logging
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from tqdm import tqdm

from fgmix.data.importing.archive import SUFFIXES as ARCHIVES
from fgmix.data.importing.archive import open_archive
from fgmix.data.importing.parquet import open_parquet
from fgmix.data.importing.source import MAX_FILE_BYTES, Columns, Source, SourcePhoto
from fgmix.data.importing.tree import find_tree
from fgmix.data.sources.download import fetch
from fgmix.errors import FgmixError

log = logging.getLogger(__name__)

DRIVERS = {
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "s3": "s3fs",
    "az": "adlfs",
    "abfs": "adlfs",
    "sftp": "paramiko",
}
"""The package that fsspec needs for each kind of address."""

WEB = ("http", "https")
KAGGLE = "https://www.kaggle.com/api/v1/datasets/download"
KAGGLE_VARIABLE = "FGMIX_KAGGLE_MIRROR"
"""The environment variable with another URL that serves `OWNER/NAME` as a zip."""
CHUNK_BYTES = 1 << 20


def open_remote(source: str, cache: Path, columns: Columns) -> Source:
    """Looks into an archive, a Parquet file or a folder of photos at an address.

    Archives and Parquet files are downloaded first; an interrupted download of a web address goes
    on where it was. Photos in a folder of a bucket are read one by one.

    Args:
        source: The address, such as `gs://bucket/photos.zip` or `s3://bucket/photos`.
        cache: The folder to download to.
        columns: The columns of Parquet files.

    Raises:
        FgmixError: If the driver is missing, there is no such file or folder, or it can't be read.
    """
    scheme = source.partition("://")[0].lower()
    name = PurePosixPath(source.partition("?")[0]).name
    is_file = name.lower().endswith((*ARCHIVES, ".parquet"))
    if scheme in WEB:
        if not is_file:
            raise FgmixError(
                f"{source} is no archive or Parquet file by its name: download it yourself and "
                f"import the file"
            )
        path = fetch(source, cache / name)
        return _local(path, source, columns)
    with _named(source, scheme):
        import fsspec

        files, root = fsspec.core.url_to_fs(source)
        if files.isdir(root):
            return _folder(files, root, source, scheme)
    if not is_file:
        raise FgmixError(f"{source} is no folder, and no archive or Parquet file by its name")
    with _named(source, scheme):
        path = _download(files, root, cache / name)
    return _local(path, source, columns)


def open_kaggle(source: str, cache: Path) -> Source:
    """Downloads a data set of Kaggle, `kaggle://OWNER/NAME`, and looks into it.

    Raises:
        FgmixError: If the address is malformed, or it can't be downloaded without logging in.
    """
    found = re.fullmatch(r"kaggle://([\w-]+/[\w.-]+)", source)
    if found is None:
        raise FgmixError(f"{source} is no data set of Kaggle: give kaggle://OWNER/NAME")
    endpoint = os.environ.get(KAGGLE_VARIABLE, KAGGLE)
    try:
        path = fetch(f"{endpoint}/{found[1]}", cache / f"{found[1].replace('/', '_')}.zip")
    except FgmixError as error:
        raise FgmixError(
            f"{error}; or download it from https://www.kaggle.com/datasets/{found[1]} in a browser "
            f"and import the zip"
        ) from error
    return _local(path, source, Columns())


def _local(path: Path, source: str, columns: Columns) -> Source:
    """Returns a downloaded file as a source at its address."""
    is_table = path.suffix.lower() == ".parquet"
    try:
        found = open_parquet(path, columns) if is_table else open_archive(path)
    except FgmixError:
        path.unlink()  # the next try downloads it again
        raise
    return Source(**{**vars(found), "location": source, "kind": f"{found.kind} from elsewhere"})


def _folder(files: Any, root: str, source: str, scheme: str) -> Source:
    details = files.find(root, detail=True)
    sizes = {
        str(PurePosixPath(path).relative_to(PurePosixPath(root))): int(info.get("size") or 0)
        for path, info in details.items()
    }
    tree = find_tree(list(sizes))
    if not tree.places:
        raise FgmixError(f"{source} holds no photo to import")
    digest = hashlib.sha256()
    for name in tree.places:
        digest.update(f"{name}\0{sizes[name]}\n".encode())

    def photos(is_done: Callable[[str], bool]) -> Iterator[SourcePhoto]:
        for name, place in tree.places.items():
            if is_done(name):
                continue
            with _named(source, scheme):
                content = files.cat_file(f"{root}/{name}") if sizes[name] < MAX_FILE_BYTES else b""
            yield SourcePhoto(name, PurePosixPath(name).name, content, place.label, place.split)

    return Source(
        kind="a folder elsewhere",
        location=source,
        identity={"files": len(tree.places), "names and sizes": digest.hexdigest()},
        photos=photos,
        total=len(tree.places),
        num_bytes=sum(sizes[name] for name in tree.places),
        left_out=tree.left_out,
    )


def _download(files: Any, root: str, target: Path) -> Path:
    """Downloads a file of a bucket, unless it is there."""
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    size = files.size(root)
    with (
        files.open(root, "rb") as source,
        part.open("wb") as file,
        tqdm(total=size, unit="B", unit_scale=True, desc=target.name, disable=None) as bar,
    ):
        while chunk := source.read(CHUNK_BYTES):
            file.write(chunk)
            bar.update(len(chunk))
    part.replace(target)
    return target


@contextmanager
def _named(source: str, scheme: str) -> Iterator[None]:
    """Turns what fsspec and its drivers raise into a line."""
    try:
        yield
    except ImportError as error:
        package = DRIVERS.get(scheme, f"fsspec's driver of {scheme}://")
        raise FgmixError(
            f"reading {scheme}:// needs the package {package}: pip install {package}"
        ) from error
    except FgmixError:
        raise
    except FileNotFoundError as error:
        raise FgmixError(f"there is no {source}") from error
    except Exception as error:  # each driver raises its own
        if getattr(error, "errno", None) and getattr(error, "filename", None):
            raise
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise FgmixError(
            f"can't read {source} ({reason}): check address, access and network"
        ) from error
