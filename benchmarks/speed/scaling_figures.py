"""Draws how time and memory grow, from the records of `scaling.py`: one figure an axis.

    python -m benchmarks.speed.scaling_figures

A figure carries a digest of its record and of this script; a test fails when either has changed
since the figure was drawn.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

from benchmarks.lib import figures
from benchmarks.lib.figures import SETTINGS, to_svg
from benchmarks.lib.paths import BENCHMARKS, RESULTS
from benchmarks.speed.scaling import WORDS
from fgmix.evaluation.curves import COLOURS
from fgmix.files import write_text

FIGURES = BENCHMARKS / "figures"


def drawings(results: Path = RESULTS) -> Iterator[tuple[Path, str, Path]]:
    """Every record, each of its axes, and the figure that is drawn of it."""
    for record in [*results.glob("scaling.json"), *sorted(results.glob("scaling.*.json"))]:
        for axis in json.loads(record.read_text(encoding="utf-8"))["axes"]:
            name = record.stem.replace(".", "_")
            yield record, axis, FIGURES / f"{name}_{axis}.svg"


def is_fresh(record: Path, figure: Path) -> bool:
    """Whether a figure is there and of the record and the script as they are."""
    return figures.is_fresh(figure, record, Path(__file__))


def draw(record: Path, axis: str) -> str:
    """Time and memory along one axis, as SVG."""
    content = json.loads(record.read_text(encoding="utf-8"))
    points = content["axes"][axis]
    values = [point["value"] for point in points]
    time = "seconds_an_epoch" if axis == "images" else "seconds_a_step"
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(8.4, 3.2), layout="constrained")
        left, right = figure.subplots(1, 2)
        _plot(left, values, [[r[time] for r in p["rounds"]] for p in points])
        left.set_ylabel(f"seconds {'an epoch' if axis == 'images' else 'a step'}")
        memory = [[r["peak_mebibytes"] / 1024 for r in p["rounds"]] for p in points]
        _plot(right, values, memory)
        right.set_ylabel("most memory, GiB")
        for axes in (left, right):
            axes.set_xlabel(WORDS[axis])
        figure.suptitle(describe(content), fontsize=10)
        return to_svg(figure, record, Path(__file__))


def describe(content: dict[str, Any]) -> str:
    """What was trained, in a line."""
    return f"{content['backbone']}, {content['attention']}, {content['precision']}, one CPU process"


def _plot(axes: Axes, values: list[int], rounds: list[list[float]]) -> None:
    """Each round a dot, a line through the medians, from zero up."""
    for value, found in zip(values, rounds, strict=True):
        axes.plot([value] * len(found), found, "o", ms=4, color=COLOURS[6])
    axes.plot(values, [np.median(found) for found in rounds], color=COLOURS[1])
    wide = max(values) >= 50 * min(values)
    if wide:
        axes.set_xscale("log")
    axes.set_ylim(0, 1.1 * max(max(found) for found in rounds))
    axes.set_xticks(values if wide else _apart(values))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def _apart(values: list[int]) -> list[int]:
    """Those whose labels do not touch on a linear axis."""
    chosen: list[int] = []
    for value in sorted(values, reverse=True):
        if not chosen or chosen[-1] - value >= 0.08 * (max(values) - min(values)):
            chosen.append(value)
    return chosen


def main() -> None:
    """Draws all figures."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    FIGURES.mkdir(exist_ok=True)
    for record, axis, figure in drawings():
        write_text(figure, draw(record, axis))
        print(f"benchmarks/figures/{figure.name}: from benchmarks/results/{record.name}")


if __name__ == "__main__":
    main()
