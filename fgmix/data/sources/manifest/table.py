"""Reads the cells of tables: CSV, TSV, JSON lines and Parquet, whichever program wrote them."""

import codecs
import csv
import io
import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from fgmix.errors import FgmixError

Choose = Callable[[Sequence[str]], Sequence[int | None]]
"""`names -> indices`: chooses columns by their names, or raises `FgmixError`."""

Cells = tuple[int, tuple[str, ...]]
"""The number of a row, and the text in each of the chosen columns."""

DELIMITERS = {".csv": ",;\t|", ".tsv": "\t,;|"}
"""What may divide the cells of a row. It is the one that gives the header most cells."""

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)
_BREAK = re.compile(r"\r\n|[\r\n]")


def read_cells(table: Path, choose: Choose) -> list[Cells]:
    """Reads columns of a table.

    Rows are numbered from 1, the header of a CSV file among them, as a spreadsheet does. Rows
    without anything in them are left out.

    Args:
        table: The file; its suffix says what it is.
        choose: Chooses the columns.

    Returns:
        The rows. A missing or empty cell is `""`, and white space around a text is kept.

    Raises:
        FgmixError: If the file is not there, empty, damaged or in another encoding, or a cell holds
            no text or number.
    """
    if not table.is_file():
        raise FgmixError(f"there is no file {table}: give a table of labels")
    suffix = table.suffix.lower()
    try:
        if suffix == ".parquet":
            rows = list(_parquet(table, choose))
        else:
            text = _decode(table, table.read_bytes())
            read = _json_lines if suffix == ".jsonl" else _csv
            rows = list(read(table, text, choose))
    except OSError as error:
        raise FgmixError(f"can't read {table}: {error.strerror or error}") from error
    found = [(number, cells) for number, cells in rows if any(cell.strip() for cell in cells)]
    if not found:
        raise FgmixError(f"{table} names its columns but has no rows: add a row for every photo")
    return found


def _decode(table: Path, content: bytes) -> str:
    """Decodes a text in UTF-8, or in what its byte order mark says."""
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        where = f", line {line}" if encoding.startswith("utf-8") else ""
        name = encoding.removesuffix("-sig").upper()
        raise FgmixError(
            f"{table}{where}: byte 0x{content[error.start]:02x} is not {name}: save the table as "
            f"UTF-8 (in Excel: 'CSV UTF-8')"
        ) from error
    if "\0" in text:
        raise FgmixError(f"{table} holds zero bytes, so it is no text in UTF-8: save it as UTF-8")
    if not text.strip():
        raise FgmixError(f"{table} is empty: give a table with a row for every photo")
    return text


def _csv(table: Path, text: str, choose: Choose) -> Iterator[Cells]:
    chosen, width = None, 0
    for number, row in _csv_rows(table, text):
        if not any(cell.strip() for cell in row):
            continue
        if chosen is None:
            chosen, width = choose(row), len(row)
            continue
        if any(cell.strip() for cell in row[width:]):
            raise FgmixError(
                f"{table}, row {number}: it has {len(row)} cells and the first row {width}: put a "
                f"cell that holds a delimiter in quotation marks"
            )
        row += [""] * (width - len(row))
        yield number, tuple("" if index is None else row[index] for index in chosen)


def _csv_rows(table: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """Yields the rows of a CSV file with their numbers."""
    said = re.match(r"\ufeff?sep=(.)(\r\n|\r|\n)", text, re.IGNORECASE)  # a line for Excel
    text = text[said.end() :] if said else text
    delimiter = said[1] if said else _delimiter(table, text)
    reader = _reader(text, delimiter)
    number = 1 if said else 0
    while True:
        number += 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            reason = str(error)
            if "end of data" in reason or "field limit" in reason:
                reason = "a quotation mark opens a cell and none closes it"
            raise FgmixError(
                f"{table}, row {number}: {reason}: write a quotation mark inside a cell twice"
            ) from error
        if row is None:
            return
        yield number, row


def _delimiter(table: Path, text: str) -> str:
    def cells(delimiter: str) -> int:
        try:
            return next((len(row) for row in _reader(text, delimiter) if any(row)), 0)
        except csv.Error:
            return 0

    return max(DELIMITERS[table.suffix.lower()], key=cells)  # the first of the best


def _reader(text: str, delimiter: str) -> Any:
    # Without translation, so that \r, \n and both end a row, and inside quotation marks none does.
    lines = io.StringIO(text, newline="")
    return csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)


def _json_lines(table: Path, text: str, choose: Choose) -> Iterator[Cells]:
    objects = [
        (number, _json_object(table, number, line))
        for number, line in enumerate(_BREAK.split(text), 1)
        if line.strip()
    ]
    names = list(dict.fromkeys(name for _, pairs in objects for name in pairs))
    chosen = choose(names)
    for number, pairs in objects:
        yield (
            number,
            tuple(
                ""
                if index is None
                else as_text(table, number, names[index], pairs.get(names[index]))
                for index in chosen
            ),
        )


def _json_object(table: Path, number: int, line: str) -> dict[str, Any]:
    form = 'every line must be an object, such as {"path": "a.jpg", "label": "wren"}'
    try:
        pairs = json.loads(line, object_pairs_hook=list)
    except (ValueError, RecursionError) as error:
        reason = getattr(error, "msg", "too deep")
        raise FgmixError(f"{table}, line {number} is not JSON ({reason}): {form}") from error
    if not line.lstrip().startswith("{"):
        raise FgmixError(f"{table}, line {number} is no object: {form}")
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for i, (name, _) in enumerate(pairs) if name in dict(pairs[:i]))
        raise FgmixError(f"{table}, line {number} has {twice!r} twice: remove one")
    return found


def _parquet(table: Path, choose: Choose) -> Iterator[Cells]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(table) as file:
            schema = file.schema_arrow
            chosen = choose(schema.names)
            indices = [index for index in chosen if index is not None]
            for index in indices:  # images inside the table would take its whole size in memory
                if pa.types.is_nested(schema.field(index).type):
                    raise _no_text(table, 1, schema.names[index], schema.field(index).type)
            # By a row group at a time: a set's other columns may be large.
            read = file.read(columns=[schema.names[index] for index in indices])
    except pa.ArrowException as error:
        reason = " ".join(str(error).split())[:200]
        raise FgmixError(f"can't read {table} as Parquet: {reason}") from error
    columns = [
        [""] * read.num_rows
        if index is None
        else [
            as_text(table, number, schema.names[index], value)
            for number, value in enumerate(read.column(schema.names[index]).to_pylist(), 1)
        ]
        for index in chosen
    ]
    yield from enumerate(zip(*columns, strict=True), 1)


def as_text(table: Path, number: int, column: str, value: Any) -> str:
    """Returns a value of a table as text; `""` for none.

    Args:
        table: The table, for messages.
        number: The row, for messages.
        column: The column, for messages.
        value: A text, number, truth value or None. Whole floats are numbers of classes: a column
            of numbers with gaps is one of floats.

    Raises:
        FgmixError: If it is anything else.

    Example:
        >>> [as_text(Path("t.jsonl"), 1, "label", value) for value in ("wren", 3, 3.0, True, None)]
        ['wren', '3', '3', 'true', '']
    """
    if isinstance(value, str):
        return value
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            pass
    raise _no_text(table, number, column, type(value).__name__)


def _no_text(table: Path, number: int, column: str, kind: object) -> FgmixError:
    what = " ".join(str(kind).split())[:60]
    return FgmixError(
        f"{table}, row {number}: {column!r} holds no text or whole number but {what}: give every "
        f"photo as the path of a file, and its class as one name"
    )
