"""Predictions from a model behind TensorFlow Serving's REST API, without TensorFlow."""

import base64
import json
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import Request, urlopen

from fgmix.errors import FgmixError
from fgmix.serving.answers import describe, describe_failure, read_image

BATCH = 8
"""Photos in a request: one of the sizes that `batching.config` allows."""
REQUEST_BYTES = 32 << 20
"""Bytes of photos in a request, and so of the largest photo that is sent."""
TIMEOUT_SECONDS = 30.0
MAX_WORDS = 300
"""Characters that are shown of what a server says."""


@dataclass(frozen=True)
class ServedModel:
    """A model of TensorFlow Serving, or of another server that speaks its REST protocol.

    Attributes:
        url: Where the server listens, `http://HOST:8501`, perhaps with a path before `/v1`.
        name: What the server calls the model.
        version: The version to ask; the server's newest where neither this nor a label is given.
        label: The label of the version to ask, such as `canary`, where it goes by no number.
        timeout: Seconds of silence after which the server is given up.

    Raises:
        FgmixError: If the URL is no HTTP address.
    """

    url: str
    name: str
    version: int | None = None
    label: str | None = None
    timeout: float = TIMEOUT_SECONDS

    def __post_init__(self) -> None:
        if not _is_address(self.url):
            raise FgmixError(f"{self.url!r} is no server's address: write http://HOST:8501")

    @property
    def endpoint(self) -> str:
        """The URL that predictions are asked of."""
        which = ""
        if self.version is not None:
            which = f"/versions/{self.version}"
        elif self.label is not None:
            which = f"/labels/{quote(self.label, safe='')}"
        return f"{self.url.rstrip('/')}/v1/models/{quote(self.name, safe='')}{which}:predict"

    def predict(self, contents: Sequence[bytes]) -> list[dict[str, Any]]:
        """Asks for the signature `serving_default`.

        Args:
            contents: Encoded photos, at least one.

        Returns:
            For each photo the outputs by name, `top_labels` and `valid` for example, as JSON has
            them.

        Raises:
            FgmixError: If the server can't be reached, refuses, or answers something else.
        """
        instances = [{"image_bytes": {"b64": base64.b64encode(c).decode()}} for c in contents]
        request = Request(
            self.endpoint,
            data=json.dumps({"instances": instances}).encode(),
            headers={"Content-Type": "application/json", "User-Agent": "fgmix"},
        )
        try:
            with urlopen(request, timeout=self.timeout) as response:
                body, kind = response.read(), response.headers.get_content_type()
        except HTTPError as error:
            raise FgmixError(f"{self.endpoint}: {_refusal(error)}") from error
        except (OSError, HTTPException, UnicodeError) as error:  # the last: a host like a..b
            raise FgmixError(f"no answer from {self.endpoint}: {self._reason(error)}") from error
        rows = _parse(body).get("predictions")
        if rows is None:
            found = "a web page" if kind == "text/html" else "no predictions"
            raise FgmixError(
                f"{self.endpoint} answers with {found}: another server or a proxy is there"
            )
        if not (isinstance(rows, list) and len(rows) == len(contents)):
            raise FgmixError(f"{self.endpoint} answers with other than {len(contents)} rows")
        return rows

    def _reason(self, error: Exception) -> str:
        """Why there was no answer, and what to do."""
        cause = error.reason if isinstance(error, URLError) else error
        if isinstance(cause, TimeoutError):
            return f"nothing within {self.timeout:g} seconds; see --timeout"
        words = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
        return f"{_shorten(words)}; is the server running?"


def query_files(model: ServedModel, files: Iterable[Path]) -> Iterator[dict[str, Any]]:
    """Asks a server for the class of each file.

    Args:
        model: The model to ask.
        files: Image files.

    Yields:
        What `fgmix.serving.predict.predict_files` yields, for each file, in order.

    Raises:
        FgmixError: If the server can't be reached, refuses, or serves another kind of model.
    """
    for group in _requests(files):
        sent = [content for _, content in group if isinstance(content, bytes)]
        rows = iter(model.predict(sent) if sent else [])
        for path, content in group:
            if isinstance(content, str):
                yield describe_failure(path, content)
                continue
            row = next(rows)
            try:
                answer = _describe(path, row)
            except (LookupError, TypeError, ValueError) as error:
                raise FgmixError(
                    f"{model.endpoint} lacks the outputs valid, top_labels and top_probabilities: "
                    "is the model an export of fgmix?"
                ) from error
            yield answer


def _describe(path: Path, row: dict[str, Any]) -> dict[str, Any]:
    if not row["valid"]:
        return describe_failure(path)
    return describe(path, row["top_labels"], row["top_probabilities"], row.get("accepted"))


def _requests(files: Iterable[Path]) -> Iterator[list[tuple[Path, bytes | str]]]:
    """Reads files and groups them by what a request takes."""
    group: list[tuple[Path, bytes | str]] = []
    size = 0
    for path in files:
        content = read_image(path, REQUEST_BYTES)
        more = len(content) if isinstance(content, bytes) else 0
        if group and (len(group) == BATCH or size + more > REQUEST_BYTES):
            yield group
            group, size = [], 0
        group.append((path, content))
        size += more
    if group:
        yield group


def _is_address(url: str) -> bool:
    """Whether it is an HTTP address, in ASCII and without spaces."""
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port that is no number, a bracket that is not closed
        return False
    return bool(known and re.fullmatch("[!-~]+", url))


def _refusal(error: HTTPError) -> str:
    """The status of a refusal, with the server's own words where it has some."""
    status = f"HTTP {error.code} {error.reason}".rstrip()
    try:
        words = _parse(error.read()).get("error")
    except (OSError, HTTPException):
        words = None
    return f"{status}: {_shorten(words)}" if isinstance(words, str) else status


def _parse(body: bytes) -> dict[str, Any]:
    """The JSON object of an answer; empty if it is none."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _shorten(words: str) -> str:
    """One line of bounded length."""
    return textwrap.shorten(words, MAX_WORDS, placeholder=" ...")
