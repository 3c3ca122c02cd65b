"""Draws the figures of the README from the records of comparisons.

    python -m fgmix compare RUN ... --json benchmarks/results/NAME.json
    python -m benchmarks.accuracy.readme_figures

A figure carries a digest of its record and of this script; a test fails when either has changed
since the figure was drawn.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import matplotlib

from benchmarks.lib import figures
from benchmarks.lib.figures import SETTINGS, to_svg
from benchmarks.lib.paths import RESULTS, ROOT
from fgmix.comparison.plots import draw_comparison
from fgmix.comparison.statistics import Accuracy, Difference
from fgmix.files import write_text

FIGURES = ROOT / "docs" / "figures"
PATTERN = "*_comparison.json"
RENAMED = {"deviation": "std", "photos": "images", "photo_variance": "image_variance"}
"""Fields in records that are older than their names."""


def records() -> Iterator[tuple[Path, Path]]:
    """Every record of a comparison, and the figure that is drawn from it."""
    for record in sorted(RESULTS.glob(PATTERN)):
        yield record, FIGURES / f"{record.stem}.svg"


def is_fresh(record: Path, figure: Path) -> bool:
    """Whether a figure is there and of the record and the script as they are."""
    return figures.is_fresh(figure, record, Path(__file__))


def draw(record: Path) -> str:
    """The figure of a record of `compare --json`, as SVG: accuracies, and differences."""
    content = json.loads(record.read_text(encoding="utf-8"))
    # As much of a comparison as is drawn.
    comparison = SimpleNamespace(
        study=SimpleNamespace(groups=[SimpleNamespace(name=g["name"]) for g in content["groups"]]),
        accuracies=[Accuracy(**renamed(g["accuracy"])) for g in content["groups"]],
        contrasts=[
            SimpleNamespace(**{**c, "found": Difference(**renamed(c["found"]))})
            for c in content["contrasts"]
        ],
        baseline=content["baseline"],
    )
    with matplotlib.rc_context(SETTINGS):
        return to_svg(draw_comparison(comparison), record, Path(__file__))


def renamed(fields: dict[str, Any]) -> dict[str, Any]:
    """A part of a record, with the names that its fields have now."""
    return {RENAMED.get(name, name): value for name, value in fields.items()}


def main() -> None:
    """Draws all figures."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    FIGURES.mkdir(parents=True, exist_ok=True)
    for record, figure in records():
        write_text(figure, draw(record))
        print(f"{figure.relative_to(ROOT)}: from {record.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
