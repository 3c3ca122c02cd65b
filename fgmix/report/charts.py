"""Charts of the page: Matplotlib figures as inline SVG in the page's colours."""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib
from markupsafe import Markup

from fgmix.html import render
from fgmix.plotting import write_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEMPLATE = Path(__file__).parent / "templates" / "chart.svg"

SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text: small, searchable, accessible
    "font.size": 11,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "legend.facecolor": "none",
}

COLOURS = {
    "#000000": "currentColor",
    "#ffffff": "var(--paper)",
    "#0072b2": "var(--blue)",
    "#56b4e9": "var(--sky)",
}
"""Figure colours that follow the page's light or dark scheme."""


@dataclass(frozen=True)
class Chart:
    """A chart on the page.

    Attributes:
        svg: An `<svg>` element.
        caption: How to read it.
    """

    svg: Markup
    caption: str


def make_chart(name: str, draw: Callable[[], "Figure"], finding: str, caption: str) -> Chart:
    """Draws a chart.

    Args:
        name: A unique name on the page, of letters and hyphens.
        draw: Makes the figure.
        finding: A text alternative that says what the chart shows.
        caption: How to read it.
    """
    text = io.StringIO()
    with matplotlib.rc_context({**SETTINGS, "svg.hashsalt": name}):
        figure = draw()
        write_figure(text, figure, format="svg", transparent=True, metadata={"Date": None})
    return Chart(_inline(name, text.getvalue(), finding), caption)


def _inline(name: str, svg: str, finding: str) -> Markup:
    """Returns an SVG file as an element of the page, in the page's colours."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    # Every file numbers its elements from figure_1, but ids must be unique on the page.
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'href="#', f'href="#{name}-', svg).replace("url(#", f"url(#{name}-")
    for colour, name_on_page in COLOURS.items():
        svg = re.sub(rf"(stroke|fill): ?{colour}", rf"\1: {name_on_page}", svg, flags=re.IGNORECASE)
    width = float(re.search(r'viewBox="0 0 ([\d.]+)', svg)[1])  # type: ignore[index]
    attributes, _, content = svg.removeprefix("<svg").partition(">")
    attributes = re.sub(r' (?:width|height)="[^"]*"', "", attributes)
    element = render(
        TEMPLATE,
        finding=finding,
        rem=f"{width / 12:.1f}",
        attributes=Markup(attributes),
        content=Markup(content),
    )
    return Markup(element)
