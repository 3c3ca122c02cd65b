"""Estimates of how long a grid will take, from the epochs that were trained so far."""

from collections.abc import Callable, Iterable, Sequence
from statistics import median

from fgmix.grid.plan import Cell
from fgmix.models.backbones.registry import BACKBONES
from fgmix.runs.record import CONFIG, METRICS


class Estimate:
    """An estimate of the training time of cells.

    An epoch is expected to take the median of the measured epochs of the same data set, backbone
    and attention; else of the same data set and backbone; else of any cell, scaled by the
    multiply-adds of the backbones.

    Args:
        cells: The grid, whose recorded epochs are the measurements.
    """

    def __init__(self, cells: Sequence[Cell]):
        self.cells = cells

    def left(self, cells: Iterable[Cell]) -> float | None:
        """Returns the seconds that these cells will take, or None if nothing was measured yet."""
        total = 0.0
        overhead = median([_overhead(cell) for cell in self.cells if cell.metrics()] or [0.0])
        for cell in cells:
            epoch = self._epoch(cell)
            if epoch is None:
                return None
            total += overhead + epoch * max(0, cell.config.epochs - len(epoch_seconds(cell)))
        return total

    def _epoch(self, cell: Cell) -> float | None:
        """Returns the seconds of one epoch of a cell, or None if unknown."""
        for key in _KEYS:
            alike = [other for other in self.cells if key(other) == key(cell)]
            seconds = [s for other in alike for s in epoch_seconds(other)]
            if seconds:
                return median(seconds)
        work = _work(cell)
        rates = [
            s / done for other in self.cells if (done := _work(other)) for s in epoch_seconds(other)
        ]
        return median(rates) * work if rates and work else None


_KEYS: tuple[Callable[[Cell], tuple], ...] = (
    lambda cell: (cell.config.dataset, cell.config.backbone, cell.config.attention),
    lambda cell: (cell.config.dataset, cell.config.backbone),
)


def _work(cell: Cell) -> int | None:
    return BACKBONES[cell.config.backbone].multiply_adds


def _overhead(cell: Cell) -> float:
    """Returns the seconds of a finished cell outside its epochs: tracing, evaluation, export."""
    began, ended = ((cell.directory / name).stat().st_mtime for name in (CONFIG, METRICS))
    return max(0.0, ended - began - sum(epoch_seconds(cell)))


def epoch_seconds(cell: Cell) -> list[float]:
    """Returns the seconds of each trained epoch of a cell."""
    return [float(row["seconds"]) for row in cell.history()]


def duration(seconds: float | None) -> str:
    """Returns a duration in words: `about 3 h 20 min`."""
    if seconds is None:
        return "time unknown until the first epochs are trained"
    minutes = max(1, round(seconds / 60))
    if minutes < 60:
        return f"about {minutes} min"
    if minutes < 24 * 60:
        return f"about {minutes // 60} h {minutes % 60:02d} min"
    return f"about {minutes // 1440} d {minutes % 1440 // 60} h"
