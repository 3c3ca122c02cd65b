"""Answers as text that a program reads: JSON lines or CSV, and back again."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple, Protocol

_BYTES = {"encoding": "utf-8", "errors": "surrogateescape"}
"""File names that are not UTF-8 come as lone surrogates and go out as the bytes they were."""


class Record(NamedTuple):
    """A line read back.

    Attributes:
        path: The file that it is about.
        failed: Whether it tells an error.
        end: The place in the file behind it, in bytes.
    """

    path: str
    failed: bool
    end: int


class LineFormat(Protocol):
    """How answers are written.

    Attributes:
        head: What comes before the first answer.
    """

    head: bytes

    def encode(self, answer: dict[str, Any]) -> bytes:
        """An answer of `fgmix.serving.answers` as a line."""

    def read(self, file: BinaryIO) -> Iterator[Record]:
        """Reads whole lines back, from behind the head; a torn last one is left out.

        Raises:
            ValueError: If a line is none that `encode` writes.
        """


class JsonLines:
    """A JSON object a line, with the answer's own keys.

    Args:
        count: Of no use here.
    """

    def __init__(self, count: int):
        self.head = b""

    def encode(self, answer: dict[str, Any]) -> bytes:
        """An answer as a JSON object."""
        return json.dumps(answer).encode() + b"\n"

    def read(self, file: BinaryIO) -> Iterator[Record]:
        """As `LineFormat` says."""
        end = file.tell()
        for line in file:
            if not line.endswith(b"\n"):
                return
            end += len(line)
            answer = json.loads(line)
            if not isinstance(answer, dict) or not isinstance(answer.get("path"), str):
                raise ValueError("no answer")
            yield Record(answer["path"], "error" in answer, end)


class CsvLines:
    """A table: path, label, probability, error, then the other likely labels.

    Args:
        count: How many labels an answer holds.
    """

    def __init__(self, count: int):
        others = [f"{name}_{n}" for n in range(2, count + 1) for name in ("label", "probability")]
        self.columns = ["path", "label", "probability", "error", *others]
        self.head = self._row(self.columns)

    def encode(self, answer: dict[str, Any]) -> bytes:
        """An answer as a row; cells that it has nothing for are empty."""
        others = [cell for pair in answer.get("top", [])[1:] for cell in pair]
        cells = [answer.get(name, "") for name in self.columns[:4]] + others
        return self._row(cells + [""] * (len(self.columns) - len(cells)))

    def read(self, file: BinaryIO) -> Iterator[Record]:
        """As `LineFormat` says."""
        end, row = file.tell(), b""
        for line in file:
            row += line
            # A quoted cell may hold line breaks; quotes within it are doubled.
            if not line.endswith(b"\n") or row.count(b'"') % 2:
                continue
            end += len(row)
            [cells] = csv.reader(io.StringIO(row.decode(**_BYTES), newline=""))
            if len(cells) != len(self.columns):
                raise ValueError("another number of columns")
            yield Record(cells[0], bool(cells[3]), end)
            row = b""

    @staticmethod
    def _row(cells: list[Any]) -> bytes:
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        if any("\r" in str(cell) for cell in cells):  # which the writer itself lets stand bare
            writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerow(cells)
        return text.getvalue().encode(**_BYTES)


LINE_FORMATS: dict[str, type[JsonLines] | type[CsvLines]] = {"json": JsonLines, "csv": CsvLines}
