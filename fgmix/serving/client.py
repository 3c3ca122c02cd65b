"""Predictions from a model behind TensorFlow Serving's REST API, without TensorFlow."""

import base64
import json
import math
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse, IncompleteRead
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import Request, urlopen

from fgmix.errors import FgmixError
from fgmix.serving.answers import describe, describe_failure, read_image

BATCH = 8
"""Images in a request: one of the sizes that `batching.config` allows."""
REQUEST_BYTES = 32 << 20
"""The most bytes of images in a request, and so the size of the largest image that is sent."""
RESPONSE_BYTES = 256 << 20
"""The most bytes of a response: ten times the probabilities of a batch over 100,000 classes."""
TIMEOUT_SECONDS = 30.0
ROUNDING = 1e-3
"""By how much a probability in half precision may exceed 1."""
SHOWN = 40
"""The most characters of a wrong value that are shown."""
MAX_WORDS = 300
"""The most characters of a server's message that are shown."""


@dataclass(frozen=True)
class ServedModel:
    """A model of TensorFlow Serving, or of another server that speaks its REST protocol.

    Attributes:
        url: Where the server listens, `http://HOST:8501`, perhaps with a path before `/v1`.
        name: The model's name on the server.
        version: The version to query; the server's newest if neither this nor a label is given.
        label: The label of the version to query, such as `canary`.
        timeout: Seconds to wait for the server.

    Raises:
        FgmixError: If the URL is not an HTTP address.
    """

    url: str
    name: str
    version: int | None = None
    label: str | None = None
    timeout: float = TIMEOUT_SECONDS

    def __post_init__(self) -> None:
        if not _is_address(self.url):
            raise FgmixError(f"{self.url!r} is not a server address: write http://HOST:8501")

    @property
    def endpoint(self) -> str:
        """The URL for predictions."""
        which = ""
        if self.version is not None:
            which = f"/versions/{self.version}"
        elif self.label is not None:
            which = f"/labels/{quote(self.label, safe='')}"
        return f"{self.url.rstrip('/')}/v1/models/{quote(self.name, safe='')}{which}:predict"

    def predict(self, contents: Sequence[bytes]) -> list[dict[str, Any]]:
        """Runs the signature `serving_default` on the server.

        Args:
            contents: Encoded images, at least one.

        Returns:
            The outputs of each image by name, such as `top_labels` and `valid`, as JSON values.

        Raises:
            FgmixError: If the server can't be reached, refuses, or returns something else.
        """
        instances = [{"image_bytes": {"b64": base64.b64encode(c).decode()}} for c in contents]
        request = Request(
            self.endpoint,
            data=json.dumps({"instances": instances}).encode(),
            headers={"Content-Type": "application/json", "User-Agent": "fgmix"},
        )
        try:
            with urlopen(request, timeout=self.timeout) as response:
                body = _read(response)
                kind = response.headers.get_content_type()
        except HTTPError as error:
            raise FgmixError(f"{self.endpoint}: {_refusal(error)}") from error
        except (OSError, HTTPException, UnicodeError) as error:  # UnicodeError: a host like a..b
            raise FgmixError(f"no answer from {self.endpoint}: {self._reason(error)}") from error
        if len(body) > RESPONSE_BYTES:
            raise FgmixError(
                f"{self.endpoint} returns more than {RESPONSE_BYTES >> 20} MiB: another server "
                f"listens there"
            )
        rows = _parse(body).get("predictions")
        if rows is None:
            found = "a web page" if kind == "text/html" else "no predictions"
            raise FgmixError(
                f"{self.endpoint} returns {found}: another server or a proxy listens there"
            )
        if not (isinstance(rows, list) and len(rows) == len(contents)):
            raise FgmixError(f"{self.endpoint} does not return {len(contents)} rows")
        return rows

    def _reason(self, error: Exception) -> str:
        """Returns why there was no answer, and what to do."""
        cause = error.reason if isinstance(error, URLError) else error
        if isinstance(cause, TimeoutError):
            return f"nothing within {self.timeout:g} seconds; see --timeout"
        words = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
        return f"{_shorten(words)}; is the server running?"


def query_files(model: ServedModel, files: Iterable[Path]) -> Iterator[dict[str, Any]]:
    """Predicts the class of each file on a server.

    Args:
        model: The model to query.
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
            except (LookupError, TypeError, ValueError, OverflowError) as error:
                reason = f" ({_shorten(str(error))})" if isinstance(error, _Value) else ""
                raise FgmixError(
                    f"{model.endpoint} lacks the outputs valid, top_labels and top_probabilities"
                    f"{reason}: is the model an export of fgmix?"
                ) from error
            yield answer


class _Value(ValueError):
    """An output is there and has a value that no export gives."""


def _describe(path: Path, row: dict[str, Any]) -> dict[str, Any]:
    """Returns the prediction in a server's row, whose values may be anything that JSON holds.

    Python's JSON holds NaN and infinity too, which other readers of JSON refuse.
    """
    if not _of("valid", row["valid"], isinstance(row["valid"], bool)):
        return describe_failure(path)
    labels, probabilities = row["top_labels"], row["top_probabilities"]
    for name, values in (("top_labels", labels), ("top_probabilities", probabilities)):
        _of(name, values, isinstance(values, list))
    for label in labels:
        # JSON can hold half of a pair of surrogates, which other readers of JSON refuse.
        text = isinstance(label, str) and label == label.encode(errors="ignore").decode()
        _of("a label", label, text)
    for value in probabilities:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        _of("a probability", value, number and 0 <= value <= 1 + ROUNDING)
    accepted = row.get("accepted")
    _of("accepted", accepted, accepted is None or isinstance(accepted, bool))
    distance = row.get("distance")
    real = isinstance(distance, int | float) and not isinstance(distance, bool)
    _of("distance", distance, distance is None or (real and 0 <= distance < math.inf))
    return describe(path, labels, probabilities, accepted, distance)


def _of(name: str, value: Any, allowed: bool) -> Any:
    if not allowed:
        raise _Value(f"{name} is {json.dumps(value)[:SHOWN]}")
    return value


def _requests(files: Iterable[Path]) -> Iterator[list[tuple[Path, bytes | str]]]:
    """Reads files and groups them into requests."""
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


def _read(response: HTTPResponse) -> bytes:
    """Reads a response, of a too large one a byte more than `RESPONSE_BYTES`.

    Raises:
        HTTPException: If the connection ends before it is complete.
    """
    body = response.read(RESPONSE_BYTES + 1)
    # Read up to a limit, a response that is cut off is no error.
    if response.length and len(body) <= RESPONSE_BYTES:
        raise IncompleteRead(body, response.length)
    return body


def _is_address(url: str) -> bool:
    """Returns whether a URL is an HTTP address, in ASCII and without spaces."""
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port that is not a number, an unclosed bracket
        return False
    return bool(known and re.fullmatch("[!-~]+", url))


def _refusal(error: HTTPError) -> str:
    """Returns the status of a refusal, with the server's message if it sent one."""
    status = _shorten(f"HTTP {error.code} {error.reason}")
    try:
        words = _parse(error.read()).get("error")
    except (OSError, HTTPException):
        words = None
    return f"{status}: {_shorten(words)}" if isinstance(words, str) else status


def _parse(body: bytes) -> dict[str, Any]:
    """Returns the JSON object in a response; empty if there is none."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _shorten(words: str) -> str:
    """Returns a text as one line of at most `MAX_WORDS` characters."""
    return textwrap.shorten(words, MAX_WORDS, placeholder=" ...")
