"""A table that reads well in a terminal and as Markdown."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from textwrap import fill

WIDTH = 98


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

    def _aligned(self, divider: str) -> list[str]:
        lines = [self.head, *self.rows]
        words = self.are_words
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return [
            divider.join(
                cell.ljust(width) if words[i] else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        ]

    def as_text(self) -> str:
        """For a terminal."""
        note = f"\n{fill(self.note, WIDTH)}" if self.note else ""
        return f"{self.title}\n" + "\n".join(f"  {x}" for x in self._aligned("  ")) + note

    def as_markdown(self) -> str:
        """As a Markdown table under a heading."""
        marks = ("---" if word else "---:" for word in self.are_words)
        body = [self.head, tuple(marks), *self.rows]
        escaped = ([cell.replace("|", "\\|") for cell in line] for line in body)
        lines = "\n".join(f"| {' | '.join(line)} |" for line in escaped)
        return f"## {self.title}\n\n{lines}\n" + (f"\n{self.note}\n" if self.note else "")


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


def interval(low: float, high: float, form: str = ".1f") -> str:
    """Two fractions in percent: `50.9 to 55.1`."""
    return f"{100 * low:{form}} to {100 * high:{form}}"


def p_in_words(p: float) -> str:
    """A p-value with as many digits as mean something."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"
