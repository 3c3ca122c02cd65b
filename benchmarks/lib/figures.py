"""SVG figures that carry a digest of their sources, so that a stale one is detected."""

import hashlib
import io
from pathlib import Path
from typing import Any

import matplotlib

from fgmix.plotting import write_figure

SETTINGS = {
    "svg.hashsalt": "fgmix",
    "svg.fonttype": "none",
    "font.size": 11,
}


def digest(*sources: Path) -> str:
    """Returns the digest of a figure's sources: its record and its script, without line ends."""
    found = hashlib.sha256()
    for path in sources:
        found.update(path.read_text(encoding="utf-8").encode())
    return found.hexdigest()


def is_fresh(figure: Path, record: Path, script: Path) -> bool:
    """Returns whether a figure exists and matches its record and script."""
    return figure.is_file() and digest(record, script) in figure.read_text(encoding="utf-8")


def to_svg(figure: Any, record: Path, script: Path) -> str:
    """Returns a Matplotlib figure as SVG that carries the digest of its sources.

    The bytes depend on Matplotlib's version; the digest does not.
    """
    text = io.StringIO()
    source = f"{record.name}, digest {digest(record, script)}"
    with matplotlib.rc_context(SETTINGS):
        write_figure(text, figure, format="svg", metadata={"Date": None, "Source": source})
    return text.getvalue()
