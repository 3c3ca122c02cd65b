"""Common functions for Matplotlib figures: writing, wrapping of long names, legends and grids."""

import logging
import unicodedata
import warnings
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from textwrap import wrap
from typing import IO, Any, Literal

import matplotlib
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator

from fgmix.files import replacing

log = logging.getLogger(__name__)

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

SHOWN = 10
"""The most characters without a font that are named."""

TICKS = 0.35
"""The largest share of a figure's width that the names beside an axis take."""

FEWEST = 8
"""Lines of text are not wrapped to fewer characters than this."""


def save_figure(path: Path, figure: Figure, dpi: int = 130) -> None:
    """Writes a figure to a file atomically, in the format of the suffix.

    Characters that no font has are drawn as boxes, and named in a message.
    """
    with replacing(path) as beside:
        write_figure(beside, figure, dpi=dpi)
    tell_missing("".join(text.get_text() for text in figure.findobj(Text)))


def write_figure(target: Path | IO[str], figure: Figure, **options: Any) -> None:
    """Writes a figure without parsing its texts as formulas: names may contain dollar signs.

    In a figure with constrained layout, texts that are too wide are wrapped.

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
        if figure.get_layout_engine() is not None:
            _fit_texts(figure)
        figure.savefig(target, **options)


def wrapped(text: str, inches: float, size: float, **options: Any) -> str:
    """Returns a text in lines of a width.

    Args:
        text: The text, perhaps in lines.
        inches: The width of the lines.
        size: Of the font, in points.
        **options: Options of Matplotlib's `Text`, such as `weight`.
    """
    figure = Figure(figsize=(inches, 1))
    drawn = figure.text(0, 0, text, fontsize=size, fontfamily=_fonts(), parse_math=False, **options)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        _wrap(drawn, figure.bbox.width)
    return drawn.get_text()


def tell_missing(text: str) -> None:
    """Logs the characters of a text that no font has, each set of them once."""
    seen = {c for c in text if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zs")}
    missing = {c for c in seen if all(ord(c) not in _characters(font) for font in _fonts())}
    if missing:
        _tell("".join(sorted(missing)))


@lru_cache
def _tell(missing: str) -> None:
    more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
    log.info(
        "figures show boxes for characters that no font here has (%s%s): install one that has "
        "them, such as Noto Sans CJK for Chinese, Japanese and Korean",
        " ".join(missing[:SHOWN]),
        more,
    )


@lru_cache
def _characters(font: str) -> frozenset[int]:
    """Returns the code points that a font has."""
    return frozenset(FT2Font(font_manager.findfont(font)).get_charmap())


@lru_cache
def _fonts() -> list[str]:
    """Returns the installed fonts to look for a character in, in this order."""
    installed = set(font_manager.get_font_names())
    return [name for name in FONTS if name in installed] or ["sans-serif"]


def _fit_texts(figure: Figure) -> None:
    """Wraps names beside axes, titles and axis labels that are too wide.

    The figure becomes higher by the additional lines, so that the axes keep their height.
    """
    _fit_ticks(figure)
    figure.draw_without_rendering()
    added = [0.0]
    for axis in figure.axes:
        rows = _rows(axis)
        width = axis.get_window_extent().width
        added.append(rows * (_wrap(axis.title, width) + _wrap(axis.xaxis.label, width)))
    if figure.get_suptitle():
        [title] = [t for t in figure.texts if t.get_text() == figure.get_suptitle()][:1]
        added.append(max(added) + _wrap(title, 0.98 * figure.bbox.width))
    _heighten(figure, max(added))


def _fit_ticks(figure: Figure) -> None:
    """Wraps names beside axes to `TICKS` of the figure's width."""
    named = [a for a in figure.axes if isinstance(a.yaxis.get_major_locator(), FixedLocator)]
    for axis in named:
        labels = axis.get_yticklabels()
        if not any(label.get_text() for label in labels):
            continue  # it shares its names with the axis beside it
        for label in labels:
            _wrap(label, TICKS * figure.bbox.width)
        axis.set_yticks(axis.get_yticks(), [label.get_text() for label in labels])
    figure.draw_without_rendering()  # places the axes
    added = 0.0
    for axis in named:
        labels = axis.get_yticklabels()
        tall = max((label.get_window_extent().height for label in labels), default=0.0)
        lacking = 1.15 * tall * len(labels) - axis.get_window_extent().height
        added = max(added, _rows(axis) * lacking)
    _heighten(figure, added)


def _rows(axis: Axes) -> int:
    """Returns the number of rows of axes in the figure."""
    place = axis.get_subplotspec()
    return place.get_gridspec().nrows if place else 1


def _wrap(text: Text, width: float) -> float:
    """Wraps a text to a width in pixels, and returns by how many pixels that makes it higher."""
    before, words = text.get_window_extent(), text.get_text()
    extent = before
    columns = max(map(len, words.split("\n")))
    if extent.width > width:
        columns = int(columns * width / extent.width) + 1
    while extent.width > width and columns > FEWEST:
        columns -= 1
        text.set_text("\n".join(part for line in words.split("\n") for part in wrap(line, columns)))
        extent = text.get_window_extent()
    return float(extent.height - before.height)


def _heighten(figure: Figure, pixels: float) -> None:
    """Makes a figure higher."""
    figure.set_figheight(figure.get_figheight() + max(pixels, 0) / figure.dpi)


def share_legend(figure: Figure, axes: Sequence[Axes], columns: int) -> None:
    """Adds one legend below the axes of a figure, with each label once; none without labels.

    A legend that is wider than the figure gets fewer columns, and its labels are wrapped. The
    figure becomes higher by the additional lines.

    Args:
        figure: The figure.
        axes: The axes whose labels to show.
        columns: The largest number of columns of the legend.
    """
    labels = {}
    for axis in axes:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            labels[label] = handle
    if not labels:
        return
    width, heights = 0.98 * figure.bbox.width, []
    for count in range(columns, 0, -1):
        legend = figure.legend(
            labels.values(), labels.keys(), loc="outside lower center", ncols=count, frameon=False
        )
        for text in legend.get_texts():
            text.set(parse_math=False, fontfamily=_fonts())
        extent = legend.get_window_extent()
        heights.append(extent.height)
        if extent.width <= width or count == 1:
            break
        legend.remove()
    texts = legend.get_texts()
    beside = extent.width - max(text.get_window_extent().width for text in texts)
    lines = sum(_wrap(text, width - beside) for text in texts) if extent.width > width else 0.0
    _heighten(figure, heights[-1] - heights[0] + lines)


def draw_grid(axis: Axes, which: Literal["both", "x", "y"] = "both") -> None:
    """Draws a faint grid in one or both directions and removes the top and right spines."""
    axis.grid(axis=which, alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)
