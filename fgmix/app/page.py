"""The page: what it shows before a photo comes, of a photo, and of what is no photo."""

import base64
import io
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_hex
from PIL import Image

from fgmix.explain.overlay import COLOURS

if TYPE_CHECKING:
    from fgmix.app.explainer import Explanation

STYLE = """
.gradio-container { max-width: 60rem !important; margin: 0 auto !important; }
.gradio-container .html-container { padding: 0; }
.gradio-container h1 { font-size: 1.6rem; margin: 0 0 .3rem; overflow-wrap: anywhere; }
.answer { overflow-wrap: anywhere; }
.answer h2 { font-size: 1.35rem; margin: .2rem 0; }
.answer p { margin: .2rem 0 .8rem; }
.answer .hint { color: color-mix(in srgb, var(--body-text-color) 75%, transparent); }
.pictures { display: grid; gap: 1rem; margin: .8rem 0;
  grid-template-columns: repeat(auto-fit, minmax(min(18rem, 100%), 1fr)); }
.pictures figure { margin: 0; }
.pictures img { display: block; width: 100%; height: auto; border-radius: .5rem; }
.pictures figcaption { margin-top: .35rem; }
.scale { display: inline-block; width: 6rem; height: .7em; border-radius: .2em; margin: 0 .4em; }
.classes { width: 100%; border-collapse: collapse; border: 0; }
.classes caption { text-align: left; font-weight: 600; padding-bottom: .3rem; }
.classes tr { border: 0; border-top: 1px solid var(--border-color-primary); }
.classes th, .classes td { text-align: left; font-weight: inherit; padding: .4rem .6rem .4rem 0;
  border: 0; }
.classes tr:first-child { font-weight: 700; }
.classes td { width: 55%; white-space: nowrap; }
.classes .number { display: inline-block; width: 4.5rem; }
.classes .bar { display: inline-block; vertical-align: middle; height: .8rem; min-width: 2px;
  border-radius: .2rem; background: var(--color-accent); }
.refusal { border-left: .3rem solid #d92d20; padding: .6rem .9rem; border-radius: .3rem;
  background: var(--background-fill-secondary); }
"""

_UPRIGHT, _ACROSS = ("top", "middle", "bottom"), ("left", "centre", "right")


def heading(name: str, class_names: tuple[str, ...]) -> str:
    """What stands above: which model this is and what it tells apart."""
    return (
        f"<h1>{escape(name)}</h1><p>Drop a photo to see which of {len(class_names)} classes the "
        f"model takes it for, and where it looked. The photo is not kept.</p>"
        f"<details><summary>Its classes</summary>{escape(', '.join(class_names))}</details>"
    )


def explained(name: str, said: "Explanation") -> str:
    """An answer: the likeliest class, the photo with and without its heat map, the classes.

    Args:
        name: The photo's file name.
        said: What the model says of it.
    """
    label, probability = said.top[0]
    rows = "".join(_row(*pair) for pair in said.top)
    return (
        f'<section class="answer" role="status"><h2>{escape(label)}, '
        f"{_percent(probability)}</h2>"
        f'<p class="hint">{escape(name)}</p><div class="pictures">'
        f"{_figure(said.photo, 'The photo ' + name, 'The photo')}"
        f"{_figure(said.looked, _describe(said.heatmap), _legend())}</div>"
        f'<table class="classes"><caption>Likeliest classes and their '
        f"probabilities</caption><tbody>{rows}</tbody></table>"
        f'<p class="hint">The model always names one of its classes, also for a photo of something '
        f"else.</p></section>"
    )


def refused(name: str, reason: str) -> str:
    """A sentence on a file that has no answer."""
    return (
        f'<section class="answer" role="alert"><p class="refusal"><strong>{escape(name)}</strong> '
        f"can't be read: {escape(reason)}. Try a JPEG, PNG, WebP, GIF or BMP file.</p></section>"
    )


def _row(label: str, probability: float) -> str:
    return (
        f'<tr><th scope="row">{escape(label)}</th><td>'
        f'<span class="number">{_percent(probability)}</span>'
        f'<span class="bar" style="width: calc((100% - 4.5rem) * {probability:.4f})"></span>'
        f"</td></tr>"
    )


def _legend() -> str:
    colours = ", ".join(to_hex(colour) for colour in colormaps[COLOURS](np.linspace(0, 1, 6)))
    return (
        f'Where it looked: less<span class="scale" style="background: linear-gradient(to right, '
        f'{colours})"></span>more, within this photo'
    )


def _percent(probability: float) -> str:
    if 0 < probability < 0.001:
        return "under 0.1%"
    return f"{probability:.1%}"


def _describe(heatmap: np.ndarray) -> str:
    """Says where a heat map is hottest."""
    if not heatmap.any():
        return "A heat map over the photo, the same everywhere"
    row, column = np.unravel_index(heatmap.argmax(), heatmap.shape)
    up = _UPRIGHT[int(3 * (row + 0.5) / heatmap.shape[0])]
    across = _ACROSS[int(3 * (column + 0.5) / heatmap.shape[1])]
    place = "centre" if (up, across) == ("middle", "centre") else f"{up} {across}"
    return f"A heat map over the photo, hottest at the {place}"


def _figure(pixels: np.ndarray, alt: str, caption: str) -> str:
    jpeg = io.BytesIO()
    Image.fromarray(pixels).save(jpeg, "JPEG", quality=88)
    url = f"data:image/jpeg;base64,{base64.b64encode(jpeg.getvalue()).decode()}"
    return (
        f'<figure><img src="{url}" alt="{escape(alt)}"><figcaption>{caption}</figcaption></figure>'
    )
