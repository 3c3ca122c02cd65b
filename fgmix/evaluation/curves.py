"""Draws loss and accuracy by epoch, several runs as one line with a band (the paper's Fig. 2)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fgmix.plotting import draw_grid, save_figure, share_legend

# Okabe and Ito's colours, which are distinct for colour-blind readers.
COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")

STYLES = ("-", "--", ":")
"""Line styles; the next one is used when all colours have been used once."""

Rows = Sequence[Mapping[str, str]]
"""A run's `history.csv`."""


SPLITS = {"train": "", "val": "val_", "test": "test_"}
"""The splits of a history, and the prefix of their columns."""


def measured_splits(runs: Mapping[str, Sequence[Rows]]) -> list[str]:
    """Returns the splits that every run was measured on in every epoch."""
    rows = [row for histories in runs.values() for history in histories for row in history]
    return [
        split
        for split, prefix in SPLITS.items()
        if all(row.get(f"{prefix}loss") and row.get(f"{prefix}accuracy") for row in rows)
    ]


def save_curves(path: Path, title: str, runs: Mapping[str, Sequence[Rows]], *splits: str) -> None:
    """Draws loss and accuracy against the epoch, one row of plots per split.

    Args:
        path: The image file; its suffix names the format.
        title: The title of the figure.
        runs: By label of the line, the histories of its runs (seeds or folds). The line is their
            mean; the band goes from the lowest to the highest. The line ends with the shortest
            history.
        *splits: `"train"`, `"val"` or `"test"`, from `measured_splits`.
    """
    save_figure(path, draw_curves(title, runs, *splits))


def draw_curves(
    title: str, runs: Mapping[str, Sequence[Rows]], *splits: str, stacked: bool = False
) -> Figure:
    """Returns the figure of `save_curves`; `stacked` puts accuracy below loss, for narrow pages."""
    columns = 1 if stacked else 2
    size = (4.6 if stacked else 10, 1.2 + 3 * len(splits) * (2 // columns))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(len(splits) * (2 // columns), columns, squeeze=False)
    axes = axes.reshape(len(splits), 2)
    for split, row in zip(splits, axes, strict=True):
        for axis, name in zip(row, ("loss", "accuracy"), strict=True):
            _draw(axis, runs, f"{SPLITS[split]}{name}", 100 if name == "accuracy" else 1)
            unit = " (%)" if name == "accuracy" else ""
            axis.set(xlabel="epoch", ylabel=f"{split} {name}{unit}")
            axis.xaxis.set_major_locator(MaxNLocator(integer=True))
            draw_grid(axis)
    share_legend(figure, list(axes.flat), 2 * columns)
    figure.suptitle(title)
    return figure


def _draw(axis: Axes, runs: Mapping[str, Sequence[Rows]], column: str, scale: float) -> None:
    for number, (label, histories) in enumerate(runs.items()):
        round_, index = divmod(number, len(COLOURS))
        colour, style = COLOURS[index], STYLES[round_ % len(STYLES)]
        epochs = min(len(history) for history in histories)
        values = scale * np.array(
            [[float(row[column]) for row in history[:epochs]] for history in histories]
        )
        x = np.arange(1, epochs + 1)
        counted = f" ({len(histories)} runs)" if len(histories) > 1 else ""
        axis.plot(x, values.mean(axis=0), style, color=colour, linewidth=1.6, label=label + counted)
        if len(histories) > 1:
            low, high = values.min(axis=0), values.max(axis=0)
            axis.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
