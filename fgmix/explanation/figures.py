"""Figures of heat maps over images (the paper's Fig. 3)."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from PIL import Image

from fgmix.data.codec.decode import decode_image
from fgmix.data.dataset import ImageDataset, evenly_spaced
from fgmix.evaluation.evaluate import Evaluation
from fgmix.explanation.maps import MapMaker
from fgmix.explanation.overlay import COLOURS, overlay
from fgmix.plotting import save_figure, wrapped

RIGHT, WRONG, UNKNOWN = "#1a7f37", "#b42318", "black"
SHOWN = 480  # pixels of an image's longer side in a figure
DPI = 120
WIDTH, GAP, LINE, BAR = 2.6, 0.1, 0.17, 0.5
"""In inches: the width of a panel, the gap between panels, a line of text, the colour bar."""
TITLE, HEADING = 9, 10
"""Sizes of the fonts of a panel's title and of a column's heading, in points."""


class Panel(NamedTuple):
    """A panel of a figure.

    Attributes:
        picture: `(h, w, 3)`, uint8 or float in [0, 1]; None to show `note` instead.
        title: The text above the picture.
        colour: The colour of the title.
        heading: The column's heading, above the title.
        side: The row's label, left of the picture.
        note: The text shown instead of a picture.
    """

    picture: np.ndarray | None
    title: str = ""
    colour: str = UNKNOWN
    heading: str = ""
    side: str = ""
    note: str = ""


def save_heatmaps(
    path: Path, model: keras.Model, dataset: ImageDataset, split: str, found: Evaluation, count: int
) -> None:
    """Draws images with and without their heat maps, with the model's predictions.

    Args:
        path: A PNG file.
        model: The classifier.
        dataset: The data set.
        split: The split that was evaluated.
        found: The evaluation of the classifier.
        count: The number of images, evenly spaced in the split.
    """
    maker = MapMaker(model)
    files = dataset.files(split)
    chosen = evenly_spaced(len(files), count)
    columns = min(4, len(chosen))
    rows: list[list[Panel]] = []
    for first in range(0, len(chosen), columns):
        above, below = [], []
        for index in chosen[first : first + columns]:
            image = decode_image(tf.io.read_file(files[index]), dataset.crop_bottom).numpy()
            heat = maker.maps_of(image).heat["energy"][0]
            small = shrink(image)
            title, colour = verdict(
                found.class_names, found.probabilities[index], int(found.labels[index])
            )
            above.append(Panel(small, title, colour))
            below.append(Panel(overlay(small, heat)))
        rows += [above, below]
    draw_panels(path, rows)


def shrink(image: np.ndarray) -> np.ndarray:
    """Shrinks an image, uint8 `(h, w, 3)`, to its size in a figure."""
    picture = Image.fromarray(image)
    picture.thumbnail((SHOWN, SHOWN))
    return np.asarray(picture)


def verdict(
    class_names: Sequence[str], probabilities: np.ndarray, label: int | None
) -> tuple[str, str]:
    """Returns a classifier's prediction as text, and the colour of the text.

    Args:
        class_names: `K` names.
        probabilities: float32 `(K,)`.
        label: The true class, if it is known.
    """
    guess = int(probabilities.argmax())
    said = f"{class_names[guess]}, {probabilities[guess]:.0%}"
    if label is None:
        return said, UNKNOWN
    if guess == label:
        return f"{said}: correct", RIGHT
    return f"{class_names[label]}\npredicted {said}", WRONG


def draw_panels(path: Path, rows: Sequence[Sequence[Panel]], caption: str = "heat") -> None:
    """Draws panels in rows, with a colour bar below.

    Args:
        path: A file of a type that Matplotlib writes.
        rows: The panels; rows may have different lengths.
        caption: The title of the colour bar.
    """
    side = LINE + GAP if any(panel.side for row in rows for panel in row) else 0.0
    width = side + max(map(len, rows)) * (WIDTH + GAP) + GAP
    rows = [[_fitted(panel) for panel in row] for row in rows]
    # Positions are in inches, because the text above a row needs the same height in any figure.
    heights = [_text_height(row) + WIDTH * max(map(_ratio, row)) + GAP for row in rows]
    height = sum(heights) + BAR
    figure = Figure(figsize=(width, height))
    top = height
    for row, tall in zip(rows, heights, strict=True):
        top -= tall
        for column, panel in enumerate(row):
            # The pictures of a row are aligned at the top, below their titles.
            size = WIDTH * _ratio(panel) if panel.picture is not None else tall - _text_height(row)
            bottom = top + tall - _text_height(row) - size
            left = GAP + side * (column > 0) + column * (WIDTH + GAP)
            axis = figure.add_axes(
                (left / width, bottom / height, WIDTH / width, size / height), frame_on=False
            )
            axis.set(xticks=[], yticks=[])
            _fill(axis, panel)
    _explain_colours(figure, caption, width, height)
    save_figure(path, figure, DPI)


def _fitted(panel: Panel) -> Panel:
    """Returns a panel with its texts in lines that are no wider than it."""
    heading = wrapped(panel.heading, WIDTH, HEADING, weight="bold")
    return panel._replace(title=wrapped(panel.title, WIDTH, TITLE), heading=heading)


def _fill(axis: Axes, panel: Panel) -> None:
    if panel.picture is None:
        axis.text(0.5, 0.5, panel.note, ha="center", va="center", fontsize=9, color="#555555")
    else:
        axis.imshow(panel.picture, aspect="auto")
    axis.set_title(panel.title, fontsize=TITLE, color=panel.colour, pad=4)
    axis.set_ylabel(panel.side, fontsize=9)
    if panel.heading:
        above = 5 + 72 * LINE * _lines(panel.title)
        axis.annotate(
            panel.heading,
            (0.5, 1),
            (0, above),
            "axes fraction",
            "offset points",
            ha="center",
            fontsize=HEADING,
            weight="bold",
        )


def _explain_colours(figure: Figure, caption: str, width: float, height: float) -> None:
    size = (1.6 / width, 0.1 / height)
    axis = figure.add_axes((0.5 - size[0] / 2, 0.16 / height, *size))
    bar = figure.colorbar(ScalarMappable(cmap=COLOURS), cax=axis, orientation="horizontal")
    bar.set_ticks([])
    bar.outline.set_visible(False)
    axis.set_title(f"{caption}, scaled within each map", fontsize=8, pad=3)
    axis.annotate("least ", (0, 0.5), ha="right", va="center", fontsize=8)
    axis.annotate(" most", (1, 0.5), ha="left", va="center", fontsize=8)


def _ratio(panel: Panel) -> float:
    return 0.0 if panel.picture is None else panel.picture.shape[0] / panel.picture.shape[1]


def _lines(text: str) -> int:
    return text.count("\n") + 1 if text else 0


def _text_height(row: Sequence[Panel]) -> float:
    lines = max(_lines(panel.title) + _lines(panel.heading) for panel in row)
    return LINE * lines + 0.08 if lines else 0.0
