"""Draws the figures of the README from the records beside this script.

    python -m fgmix compare RUN ... --json benchmarks/results/NAME.json
    python benchmarks/readme_figures.py

A figure carries a digest of its record and of this script. `tests/test_readme_figures.py` fails
when either has changed since the figure was drawn.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import matplotlib
from figures import SETTINGS, digest, to_svg

from fgmix.comparison.plots import draw_comparison
from fgmix.comparison.statistics import Accuracy, Difference
from fgmix.files import write_text

ROOT = Path(__file__).resolve().parents[1]
RECORDS, FIGURES = ROOT / "benchmarks" / "results", ROOT / "docs" / "figures"
PATTERN = "*_comparison.json"


def records() -> Iterator[tuple[Path, Path]]:
    """Every record of a comparison, and the figure that is drawn from it."""
    for record in sorted(RECORDS.glob(PATTERN)):
        yield record, FIGURES / f"{record.stem}.svg"


def is_fresh(record: Path, figure: Path) -> bool:
    """Whether a figure is there and of the record as it is."""
    known = digest(record, Path(__file__))
    return figure.is_file() and known in figure.read_text(encoding="utf-8")


def draw(record: Path) -> str:
    """The figure of a record of `compare --json`, as SVG: accuracies, and differences."""
    content = json.loads(record.read_text(encoding="utf-8"))
    # As much of a comparison as is drawn.
    comparison = SimpleNamespace(
        study=SimpleNamespace(groups=[SimpleNamespace(name=g["name"]) for g in content["groups"]]),
        accuracies=[Accuracy(**g["accuracy"]) for g in content["groups"]],
        contrasts=[
            SimpleNamespace(**{**c, "found": Difference(**c["found"])})
            for c in content["contrasts"]
        ],
        baseline=content["baseline"],
    )
    with matplotlib.rc_context(SETTINGS):
        return to_svg(draw_comparison(comparison), record, Path(__file__))


def main() -> None:
    """Draws all figures."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    FIGURES.mkdir(parents=True, exist_ok=True)
    for record, figure in records():
        write_text(figure, draw(record))
        print(f"{figure.relative_to(ROOT)}: from {record.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
