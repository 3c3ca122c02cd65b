"""Sortable tables of the page."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from fgmix.tables import Table

NUMBER = re.compile(r"[+-]?\d[\d,]*(?:\.\d+)?")


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: What it shows.
        key: The sort key; `""` is last in both directions.
    """

    text: str
    key: str


@dataclass(frozen=True)
class PageTable:
    """A table for the template.

    Attributes:
        name: A unique name on the page, of letters and hyphens.
        caption: What it shows.
        head: The names of the columns.
        rows: The cells of each row.
        words: For every column, whether it holds words and is left-aligned.
        note: An explanation, or `""`.
        tall: Whether it has its own scroll box.
    """

    name: str
    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    words: tuple[bool, ...]
    note: str
    tall: bool


TALL = 30
"""The number of rows above which a table has its own scroll box."""


def page_table(name: str, table: Table) -> PageTable:
    """Converts a table to one for the page."""
    words = tuple(table.are_words)
    rows = tuple(
        tuple(
            Cell(text, text.casefold() if words[i] else sort_key(text))
            for i, text in enumerate(row)
        )
        for row in table.rows
    )
    caption = table.title[:1].upper() + table.title[1:]
    tall = len(rows) > TALL
    return PageTable(name, caption, table.head, rows, words, table.note, tall)


def make_table(
    name: str,
    title: str,
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    names: int = 1,
    note: str = "",
) -> PageTable:
    """Returns a table of a title, column names and rows of text."""
    words = tuple(head[:names])
    return page_table(name, Table(title, tuple(head), tuple(map(tuple, rows)), words, note))


def sort_key(text: str) -> str:
    """Returns the number that a cell begins with (`50.9 to 55.1`, `< 0.001`), or else its text."""
    plain = text.lstrip("<> ")
    found = NUMBER.match(plain)
    if found is None:
        return text.casefold()
    number = found.group().replace(",", "")
    # Below every number that is written out.
    return f"{float(number) / 2}" if text.startswith("<") else number
