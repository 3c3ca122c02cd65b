"""Draws the figures of the README from the records beside this script.

    python -m fgmix compare RUN ... --json benchmarks/results/NAME.json
    python benchmarks/readme_figures.py

A figure carries a digest of its record and of this script. `tests/test_readme_figures.py` fails
when either has changed since the figure was drawn; the bytes themselves depend on Matplotlib's
version, so they are not compared.
"""

import argparse
import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import matplotlib

from fgmix.comparison.plots import draw_comparison
from fgmix.comparison.statistics import Accuracy, Difference
from fgmix.evaluation.figures import write_figure
from fgmix.files import write_text

ROOT = Path(__file__).resolve().parents[1]
RECORDS, FIGURES = ROOT / "benchmarks" / "results", ROOT / "docs" / "figures"
PATTERN = "*_comparison.json"
SETTINGS = {
    "svg.hashsalt": "fgmix",
    "svg.fonttype": "none",
    "font.size": 11,
}


def records() -> Iterator[tuple[Path, Path]]:
    """Every record of a comparison, and the figure that is drawn from it."""
    for record in sorted(RECORDS.glob(PATTERN)):
        yield record, FIGURES / f"{record.stem}.svg"


def digest(record: Path) -> str:
    """Of what a figure is drawn from: the record, and this script. Line ends don't count."""
    found = hashlib.sha256()
    for path in (record, Path(__file__)):
        found.update(path.read_text(encoding="utf-8").encode())
    return found.hexdigest()


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
    text = io.StringIO()
    source = f"{record.name}, digest {digest(record)}"
    with matplotlib.rc_context(SETTINGS):
        figure = draw_comparison(comparison)
        write_figure(text, figure, format="svg", metadata={"Date": None, "Source": source})
    return text.getvalue()


def main() -> None:
    """Draws all figures."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    FIGURES.mkdir(parents=True, exist_ok=True)
    for record, figure in records():
        write_text(figure, draw(record))
        print(f"{figure.relative_to(ROOT)}: from {record.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
