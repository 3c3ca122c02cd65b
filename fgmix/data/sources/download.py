"""Downloads published files: interrupted downloads are resumed, and checksums are checked."""

import hashlib
import logging
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tqdm import tqdm

from fgmix.errors import FgmixError
from fgmix.files import locked

log = logging.getLogger(__name__)

ATTEMPTS = 5
CHUNK_BYTES = 1 << 20
TIMEOUT_SECONDS = 30.0
RANGE_NOT_SATISFIABLE = 416


def fetch(url: str, target: Path) -> Path:
    """Downloads a file of which no checksum is known, as `download` does.

    Raises:
        FgmixError: If the file can't be downloaded or written.
    """
    return download(url, target, None)


def download(url: str, target: Path, checksum: str | None) -> Path:
    """Downloads a file unless it exists.

    Received data is kept in a hidden file beside `target`, so that an interrupted download is
    resumed, in this or a later call. `target` appears when it is complete and its checksum correct.

    Args:
        url: The HTTP or HTTPS URL of the file.
        target: The path to download to; its folder is created.
        checksum: The checksum of the file, `"md5:<hex>"` or `"sha256:<hex>"`; None if unknown.

    Returns:
        `target`.

    Raises:
        FgmixError: If the file can't be downloaded or written, or has another checksum.
    """
    part = target.with_name(f".{target.name}.part")
    with locked(target):
        if target.exists():
            return target
        log.info("downloading %s to %s", url, target)
        _complete(url, part, target)
        if checksum is not None and not matches(part, checksum):
            part.unlink()
            raise FgmixError(
                f"{url} is not the published file (its {checksum.partition(':')[0]} differs), so "
                f"it was removed: try again, or put the file at {target} yourself"
            )
        part.replace(target)
    return target


def matches(path: Path, checksum: str) -> bool:
    """Returns whether a file has the checksum `"<algorithm>:<hex>"`."""
    algorithm, _, expected = checksum.partition(":")
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest() == expected


def _complete(url: str, part: Path, target: Path) -> None:
    """Downloads the missing rest of `part`, reconnecting as long as data arrives."""
    for attempt in range(1, ATTEMPTS + 1):
        before = _size(part)
        try:
            return _transfer(url, part, target.name)
        except HTTPError as error:
            if error.code == RANGE_NOT_SATISFIABLE:
                return None  # `part` is complete or not a part of the file: the checksum tells
            reason = f"HTTP {error.code} {error.reason}"
            raise FgmixError(
                f"can't download {url} ({reason}): put the file at {target} yourself"
            ) from error
        except (OSError, HTTPException) as error:
            if attempt == ATTEMPTS or _size(part) <= before:
                reason = str(getattr(error, "reason", error)) or type(error).__name__
                raise FgmixError(
                    f"can't download {url} ({reason}; {_size(part) / 1e6:.1f} MB received): run "
                    f"the command again to resume, or put the file at {target} yourself"
                ) from error
    return None


def _transfer(url: str, part: Path, shown: str) -> None:
    """Appends the missing rest to `part`, or rewrites it if the server can't resume."""
    start = _size(part)
    headers = {"User-Agent": "fgmix"} | ({"Range": f"bytes={start}-"} if start else {})
    with urlopen(Request(url, headers=headers), timeout=TIMEOUT_SECONDS) as response:
        if response.headers.get_content_type() == "text/html":
            raise FgmixError(f"{url} is a web page instead of {shown}: open it in a browser")
        if response.status != 206:
            start = 0
        length = response.headers["Content-Length"]
        total = start + int(length) if length else None
        bar = tqdm(total=total, initial=start, unit="B", unit_scale=True, desc=shown, disable=None)
        with bar, part.open("ab" if start else "wb") as file:
            while chunk := response.read(CHUNK_BYTES):
                file.write(chunk)
                bar.update(len(chunk))
    # A connection that is closed early looks like the end of the file.
    if total is not None and _size(part) < total:
        raise ConnectionError("the connection was closed")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
