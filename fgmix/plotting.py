"""Common functions for Matplotlib figures: writing, legends and grids."""

from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Literal

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from fgmix.files import replacing


def save_figure(path: Path, figure: Figure, dpi: int = 130) -> None:
    """Writes a figure to a file atomically, in the format of the suffix."""
    with replacing(path) as beside:
        write_figure(beside, figure, dpi=dpi)


def write_figure(target: Path | IO[str], figure: Figure, **options: Any) -> None:
    """Writes a figure without parsing its texts as formulas: names may contain dollar signs.

    Args:
        target: The path of a file, or a text stream.
        figure: The figure.
        **options: Options of Matplotlib's `savefig`.
    """
    for text in figure.findobj(Text):
        text.set_parse_math(False)
    # The setting is for texts that are created while drawing, such as some tick labels.
    with matplotlib.rc_context({"text.parse_math": False}):
        figure.savefig(target, **options)


def share_legend(figure: Figure, axes: Sequence[Axes], columns: int) -> None:
    """Adds one legend below the axes of a figure, with each label once; none without labels.

    Args:
        figure: The figure.
        axes: The axes whose labels to show.
        columns: The number of columns of the legend.
    """
    labels = {}
    for axis in axes:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            labels[label] = handle
    if labels:
        figure.legend(
            labels.values(), labels.keys(), loc="outside lower center", ncols=columns, frameon=False
        )


def draw_grid(axis: Axes, which: Literal["both", "x", "y"] = "both") -> None:
    """Draws a faint grid in one or both directions and removes the top and right spines."""
    axis.grid(axis=which, alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)
