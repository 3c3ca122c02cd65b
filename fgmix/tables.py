"""Tables for a terminal and as Markdown, and numbers as their cells have them."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from textwrap import fill

from fgmix.console import printable

WIDTH = 98

_MARKUP = re.compile(r"<(?=[A-Za-z/!?])|&(?=#?\w+;)")
"""What begins a tag or a character's name in HTML, which Markdown takes as it is."""


_BREAK = re.compile(r"\r\n|[\r\n]")


def aligned(
    rows: Iterable[Sequence[str]], are_words: Sequence[bool], divider: str = "  "
) -> list[str]:
    """The rows of a table as lines of `printable` text, its columns one below the other.

    Args:
        rows: The cells, with those of the head if there is one.
        are_words: Of every column, whether it holds words: they are aligned to the left, numbers
            to the right.
        divider: What stands between two columns.
    """
    rows = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [divider.join(_padded(row, widths, are_words)).rstrip() for row in rows]


def markdown_table(
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    are_words: Sequence[bool],
    padded: bool = False,
) -> str:
    """A table as Markdown. What would end a cell, or be read as HTML, is escaped.

    Args:
        head: The columns' names.
        rows: The cells.
        are_words: Of every column, whether it holds words: they are aligned to the left, numbers
            to the right.
        padded: Whether columns stand one below the other in the source too.
    """
    cells = [[_escaped(cell) for cell in row] for row in (head, *rows)]
    least = [3 if word else 4 for word in are_words]
    widths = [0] * len(least)
    if padded:
        columns = zip(least, *cells, strict=True)
        widths = [max(low, *map(len, column)) for low, *column in columns]
    marks = [
        "-" * max(low, width) if word else "-" * (max(low, width) - 1) + ":"
        for low, width, word in zip(least, widths, are_words, strict=True)
    ]
    lines = [_padded(row, widths, are_words) for row in cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in (lines[0], marks, *lines[1:]))


def _padded(row: Sequence[str], widths: Sequence[int], are_words: Sequence[bool]) -> list[str]:
    return [
        cell.ljust(width) if word else cell.rjust(width)
        for cell, width, word in zip(row, widths, are_words, strict=True)
    ]


def _escaped(cell: str) -> str:
    return markdown_text(cell).replace("|", "\\|")


def markdown_text(text: str) -> str:
    """Returns names or sentences as one line of Markdown outside tables, with HTML escaped.

    Example:
        >>> markdown_text("class <b>, p < 0.1")
        'class &lt;b>, p < 0.1'
    """
    escaped = _MARKUP.sub(lambda found: {"<": "&lt;", "&": "&amp;"}[found.group()], text)
    return _BREAK.sub(" ", escaped)


@dataclass(frozen=True)
class Table:
    """A table of words, aligned to the left, and numbers, aligned to the right.

    Attributes:
        title: What it shows.
        head: The columns' names.
        rows: Their cells.
        words: The columns that hold words; by default the first.
        note: What explains it, `""` if nothing needs to.
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: tuple[str, ...] = ()
    note: str = ""

    @property
    def are_words(self) -> list[bool]:
        """Of every column, whether it holds words."""
        words = self.words or self.head[:1]
        return [name in words for name in self.head]

    def as_text(self) -> str:
        """For a terminal."""
        note = f"\n{fill(self.note, WIDTH)}" if self.note else ""
        lines = aligned([self.head, *self.rows], self.are_words)
        return f"{self.title}\n" + "\n".join(f"  {line}" for line in lines) + note

    def as_markdown(self) -> str:
        """As a Markdown table under a heading."""
        table = markdown_table(self.head, self.rows, self.are_words)
        note = f"\n{markdown_text(self.note)}\n" if self.note else ""
        return f"## {markdown_text(self.title)}\n\n{table}\n{note}"


def without_empty(
    head: Sequence[str], rows: Iterable[Sequence[str]]
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """The head and rows of a table without the columns in which no row has anything."""
    rows = list(rows)
    kept = [i for i in range(len(head)) if not rows or any(row[i] for row in rows)]
    return tuple(head[i] for i in kept), tuple(tuple(row[i] for i in kept) for row in rows)


def mean_count(value: float, single: bool) -> str:
    """A mean of counts, which of a single seed is a whole number."""
    return f"{value:.0f}" if single else f"{value:.1f}"


def percent(value: float, digits: int = 2) -> str:
    """A fraction in percent, without the sign."""
    return f"{100 * value:.{digits}f}"


def points(value: float, digits: int = 2) -> str:
    """A difference of two fractions in percentage points, with its sign: `+1.25`."""
    return f"{100 * value:+.{digits}f}"


def interval(low: float, high: float, form: str = ".1f") -> str:
    """Two fractions in percent: `50.9 to 55.1`."""
    return f"{100 * low:{form}} to {100 * high:{form}}"


def p_in_words(p: float) -> str:
    """A p-value with as many digits as mean something."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"
