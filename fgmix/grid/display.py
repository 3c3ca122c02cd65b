"""Shows the progress of cells that are trained side by side."""

import sys
import time
from collections.abc import Callable, Sequence
from shutil import get_terminal_size

from fgmix.console import printable, say
from fgmix.grid.plan import Cell

EVERY = 2.0
"""Seconds between two looks at the histories of the runs."""
SELDOM = 30.0
"""Seconds between two blocks where they can't replace each other, as in a log."""


class Display:
    """The progress of all running cells, replaced in place on a terminal.

    Args:
        slots: The most cells at a time; 0 shows nothing, for they print themselves.
    """

    def __init__(self, slots: int):
        self._slots = slots
        self._redraws = sys.stdout.isatty()
        self._shown: list[str] = []
        self._lines = 0
        self._next = 0.0

    def update(self, running: Sequence[Cell], summary: Callable[[], str]) -> None:
        """Shows how far cells have come, if it is time for that.

        Args:
            running: The cells.
            summary: Returns a last line on all.
        """
        if not self._slots or not running or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + (EVERY if self._redraws else SELDOM)
        lines = [*map(progress, running), summary()]
        if not self._redraws:
            if lines != self._shown:
                say("\n".join(lines))
            self._shown = lines
            return
        width = get_terminal_size().columns - 1
        self.clear()
        sys.stdout.write("".join(f"{printable(line)[:width]}\n" for line in lines))
        sys.stdout.flush()
        self._lines = len(lines)

    def clear(self) -> None:
        """Removes the block from a terminal, so that something else can be printed."""
        if self._lines:
            sys.stdout.write(f"\x1b[{self._lines}F\x1b[J")
            sys.stdout.flush()
        self._lines = 0


def progress(cell: Cell) -> str:
    """Returns how far a cell has come: `  cars, vgg16, mixed, seed 0: epoch 3 of 20, ...`."""
    rows = cell.history()
    text = f"  {cell.title}: {len(rows)} of {cell.config.epochs} epochs"
    if not rows:
        return text
    last = rows[-1]
    measured = [
        f"{words} {100 * float(last[name]):.1f} %"
        for name, words in (("accuracy", "training"), ("val_accuracy", "validation"))
        if last.get(name)
    ]
    return ", ".join([text, *measured])
