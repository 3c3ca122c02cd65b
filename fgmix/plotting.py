"""What all figures have in common: names as they are written, files whole or not at all."""

from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Literal

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from fgmix.files import replacing


def save_figure(path: Path, figure: Figure, dpi: int = 130) -> None:
    """Writes a figure, whole or not at all; the suffix names the format."""
    with replacing(path) as beside:
        write_figure(beside, figure, dpi=dpi)


def write_figure(target: Path | IO[str], figure: Figure, **options: Any) -> None:
    """Writes a figure in which no text is a formula: a name may hold dollar signs.

    Args:
        target: A file, or something to write to.
        figure: The figure.
        **options: Of Matplotlib's `savefig`.
    """
    for text in figure.findobj(Text):
        text.set_parse_math(False)
    # Of the text that is made while it is drawn, as the labels of some ticks are.
    with matplotlib.rc_context({"text.parse_math": False}):
        figure.savefig(target, **options)


def share_legend(figure: Figure, axes: Sequence[Axes], columns: int) -> None:
    """Puts one legend below the axes of a figure, each label of theirs once, if there is any."""
    labels = {}
    for axis in axes:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            labels[label] = handle
    if labels:
        figure.legend(
            labels.values(), labels.keys(), loc="outside lower center", ncols=columns, frameon=False
        )


def draw_grid(axis: Axes, which: Literal["both", "x", "y"] = "both") -> None:
    """Draws a faint grid, of one direction or both, and no frame around it."""
    axis.grid(axis=which, alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)
