"""Tables that a page can sort."""

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
        key: What it is sorted by; `""` stays last whichever way.
    """

    text: str
    key: str


@dataclass(frozen=True)
class PageTable:
    """A table as the template takes it.

    Attributes:
        name: Tells it from the page's other tables; a word of letters and hyphens.
        caption: What it shows.
        head: The columns' names.
        rows: Their cells.
        words: Of every column, whether it holds words and is aligned to the left.
        note: What explains it, `""` if nothing needs to.
        tall: Whether it gets a box of its own to scroll in.
    """

    name: str
    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    words: tuple[bool, ...]
    note: str
    tall: bool


TALL = 30
"""Rows above which a table gets a box of its own to scroll in."""


def page_table(name: str, table: Table) -> PageTable:
    """A table of the comparison's kind for the page."""
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
    """A table of a title, column names and rows of text."""
    words = tuple(head[:names])
    return page_table(name, Table(title, tuple(head), tuple(map(tuple, rows)), words, note))


def sort_key(text: str) -> str:
    """The number that a cell begins with (`50.9 to 55.1`, `< 0.001`), or else its words."""
    plain = text.lstrip("<> ")
    found = NUMBER.match(plain)
    if found is None:
        return text.casefold()
    number = found.group().replace(",", "")
    # Less than any that is written out.
    return f"{float(number) / 2}" if text.startswith("<") else number
