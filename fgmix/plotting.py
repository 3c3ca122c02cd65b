"""Common functions for Matplotlib figures: writing, legends and grids."""

import warnings
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, Literal

import matplotlib
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from fgmix.files import replacing

FONTS = (
    "DejaVu Sans",  # comes with Matplotlib
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans CJK KR", "WenQuanYi Zen Hei"),
    *("Microsoft YaHei", "Malgun Gothic", "PingFang SC", "Hiragino Sans", "Arial Unicode MS"),
    *(
        "Noto Sans",
        "Noto Sans Arabic",
        "Noto Sans Hebrew",
        "Noto Sans Thai",
        "Noto Sans Devanagari",
    ),
)
"""Fonts for the names of classes: the first one that has a character draws it."""


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
    fonts = _fonts()
    for text in figure.findobj(Text):
        text.set_parse_math(False)
        text.set_fontfamily(fonts)
    # The settings are for texts that are created while drawing, such as some tick labels.
    with (
        matplotlib.rc_context({"text.parse_math": False, "font.family": fonts}),
        warnings.catch_warnings(),
    ):
        # Without a font for it a character is drawn as a box.
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        figure.savefig(target, **options)


@lru_cache
def _fonts() -> list[str]:
    """Returns the installed fonts to look for a character in, in this order."""
    installed = set(font_manager.get_font_names())
    return [name for name in FONTS if name in installed] or ["sans-serif"]


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
