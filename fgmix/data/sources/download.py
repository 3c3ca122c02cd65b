"""Downloading a published file: resumed after a break, checked, and whole or not there."""

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


def download(url: str, target: Path, checksum: str) -> Path:
    """Downloads a file unless it is there.

    What has arrived is kept in a hidden file beside `target`, so that a download that was broken
    off goes on from there, now or in a later call. `target` appears once its checksum is right.

    Args:
        url: Where it is published, over HTTP or HTTPS.
        target: Where to put it; its folder is made.
        checksum: `"md5:<hex>"` or `"sha256:<hex>"`.

    Returns:
        `target`.

    Raises:
        FgmixError: If it can't be downloaded or written, or isn't the file that was published.
    """
    part = target.with_name(f".{target.name}.part")
    with locked(target):
        if target.exists():
            return target
        log.info("downloading %s to %s", url, target)
        _complete(url, part, target)
        if not matches(part, checksum):
            part.unlink()
            raise FgmixError(
                f"{url} is not the published file (its {checksum.partition(':')[0]} differs), so "
                f"it was removed: try again, or bring {target} yourself"
            )
        part.replace(target)
    return target


def matches(path: Path, checksum: str) -> bool:
    """Whether a file has the checksum `"<algorithm>:<hex>"`."""
    algorithm, _, expected = checksum.partition(":")
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest() == expected


def _complete(url: str, part: Path, target: Path) -> None:
    """Transfers what `part` lacks, going on where a connection broke."""
    for attempt in range(1, ATTEMPTS + 1):
        before = _size(part)
        try:
            return _transfer(url, part, target.name)
        except HTTPError as error:
            if error.code == RANGE_NOT_SATISFIABLE:
                return None  # nothing is lacking, or `part` is rubbish: the checksum tells
            reason = f"HTTP {error.code} {error.reason}"
            raise FgmixError(f"can't download {url} ({reason}): bring {target} yourself") from error
        except (OSError, HTTPException) as error:
            if attempt == ATTEMPTS or _size(part) <= before:
                reason = str(getattr(error, "reason", error)) or type(error).__name__
                raise FgmixError(
                    f"can't download {url} ({reason}; {_size(part) / 1e6:.1f} MB are there): run "
                    f"the command again and it goes on from there, or bring {target} yourself"
                ) from error
    return None


def _transfer(url: str, part: Path, shown: str) -> None:
    """Appends to `part` what it lacks, or writes it anew if the server can't go on."""
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
    # A connection that is closed early reads like the end of the file.
    if total is not None and _size(part) < total:
        raise ConnectionError("the connection was closed")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
