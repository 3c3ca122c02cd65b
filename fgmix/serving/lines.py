"""Predictions as text for programs, JSON lines or CSV, and back."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple, Protocol

from fgmix.files import harmless

_BYTES = {"encoding": "utf-8", "errors": "surrogateescape"}
"""File names that are not UTF-8 hold lone surrogates, which are written as the original bytes."""


class Record(NamedTuple):
    """A line read back.

    Attributes:
        path: The image file of the line, as its format writes it.
        failed: Whether the line holds an error.
        end: The position after the line, in bytes.
    """

    path: str
    failed: bool
    end: int


class LineFormat(Protocol):
    """A text format of predictions.

    Attributes:
        head: The bytes before the first prediction.
    """

    head: bytes

    def encode(self, answer: dict[str, Any]) -> bytes:
        """Returns a prediction, as made by `fgmix.serving.answers`, as a line."""

    def read(self, file: BinaryIO) -> Iterator[Record]:
        """Reads complete lines back, from after the head; skips an incomplete last line.

        Raises:
            ValueError: If `encode` can't have written a line.
        """


class JsonLines:
    """One JSON object per line, with the prediction's keys.

    Args:
        count: Not used.
        distance: Not used.
    """

    def __init__(self, count: int, distance: bool = False):
        self.head = b""

    def encode(self, answer: dict[str, Any]) -> bytes:
        """Returns a prediction as a JSON object."""
        return json.dumps(answer).encode() + b"\n"

    def read(self, file: BinaryIO) -> Iterator[Record]:
        """Reads complete lines back; see `LineFormat.read`."""
        end = file.tell()
        for line in file:
            if not line.endswith(b"\n"):
                return
            end += len(line)
            answer = json.loads(line)
            if not isinstance(answer, dict) or not isinstance(answer.get("path"), str):
                raise ValueError("not a prediction")
            yield Record(answer["path"], "error" in answer, end)


class CsvLines:
    """A CSV table: path, label, probability, error, the other likely labels, and the distance.

    Text that a spreadsheet would run is made `harmless`; JSON lines hold it exactly.

    Args:
        count: The number of labels in a prediction.
        distance: Whether predictions have a distance.
    """

    def __init__(self, count: int, distance: bool = False):
        others = [f"{name}_{n}" for n in range(2, count + 1) for name in ("label", "probability")]
        self.columns = ["path", "label", "probability", "error", *others, *["distance"] * distance]
        self.head = self._row(self.columns)

    def encode(self, answer: dict[str, Any]) -> bytes:
        """Returns a prediction as a row; missing values are empty cells."""
        named = dict(answer)
        for place, pair in enumerate(answer.get("top", []), start=1):
            named |= dict(zip((f"label_{place}", f"probability_{place}"), pair, strict=True))
        return self._row([harmless(named.get(name, "")) for name in self.columns])

    def read(self, file: BinaryIO) -> Iterator[Record]:
        """Reads complete lines back; see `LineFormat.read`."""
        end, row = file.tell(), b""
        for line in file:
            row += line
            # A quoted cell may hold line breaks; quotes inside it are doubled.
            if not line.endswith(b"\n") or row.count(b'"') % 2:
                continue
            end += len(row)
            [cells] = csv.reader(io.StringIO(row.decode(**_BYTES), newline=""))
            if len(cells) != len(self.columns):
                raise ValueError("wrong number of columns")
            yield Record(cells[0], bool(cells[3]), end)
            row = b""

    @staticmethod
    def _row(cells: list[Any]) -> bytes:
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        if any("\r" in str(cell) for cell in cells):  # the writer does not quote a bare \r
            writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerow(cells)
        return text.getvalue().encode(**_BYTES)


LINE_FORMATS: dict[str, type[JsonLines] | type[CsvLines]] = {"json": JsonLines, "csv": CsvLines}
