"""The HTML of the page: its heading, predictions, and files that can't be read."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_hex
from PIL import Image

from fgmix.explanation.overlay import COLOURS
from fgmix.html import picture_url, render

if TYPE_CHECKING:
    from fgmix.app.explainer import Explanation

TEMPLATES = Path(__file__).parent / "templates"

STYLE = (TEMPLATES / "style.css").read_text(encoding="utf-8")

QUALITY = 88
"""The JPEG quality of the pictures."""

_UPRIGHT, _ACROSS = ("top", "middle", "bottom"), ("left", "centre", "right")


class Answer(NamedTuple):
    """A predicted class on the page.

    Attributes:
        label: The class.
        percent: Its probability as a percentage.
        share: Its probability as the length of its bar, from 0 to 1.
    """

    label: str
    percent: str
    share: str


def heading(name: str, class_names: tuple[str, ...]) -> str:
    """Returns the heading: the model's name and its classes."""
    return render(TEMPLATES / "heading.html", name=name, class_names=class_names)


def explained(name: str, said: "Explanation") -> str:
    """Returns a prediction: the most likely classes, and the image with and without its heat map.

    Args:
        name: The image's file name.
        said: The model's predictions.
    """
    return render(
        TEMPLATES / "explained.html",
        name=name,
        top=[Answer(label, _percent(share), f"{share:.4f}") for label, share in said.top],
        image=_url(said.image),
        looked=_url(said.looked),
        described=_describe(said.heatmap),
        colours=", ".join(to_hex(c) for c in colormaps[COLOURS](np.linspace(0, 1, 6))),
    )


def refused(name: str, reason: str) -> str:
    """Returns a sentence on a file that can't be read."""
    return render(TEMPLATES / "refused.html", name=name, reason=reason)


def _url(pixels: np.ndarray) -> str:
    return picture_url(Image.fromarray(pixels), "jpeg", quality=QUALITY)


def _percent(probability: float) -> str:
    if 0 < probability < 0.001:
        return "under 0.1%"
    return f"{probability:.1%}"


def _describe(heatmap: np.ndarray) -> str:
    """Returns a text alternative that says where a heat map is hottest."""
    if not heatmap.any():
        return "A heat map over the photo, the same everywhere"
    row, column = np.unravel_index(heatmap.argmax(), heatmap.shape)
    up = _UPRIGHT[int(3 * (row + 0.5) / heatmap.shape[0])]
    across = _ACROSS[int(3 * (column + 0.5) / heatmap.shape[1])]
    place = "centre" if (up, across) == ("middle", "centre") else f"{up} {across}"
    return f"A heat map over the photo, hottest at the {place}"
