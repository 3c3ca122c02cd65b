"""Figures of a comparison: accuracies with differences, learning curves, calibration."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from fgmix.comparison.contrasts import NOT_SHOWN, Comparison
from fgmix.comparison.failures import Failures
from fgmix.comparison.learning import LearningCurve, learning_curves
from fgmix.comparison.output import headline
from fgmix.evaluation.curves import COLOURS, measured_splits, save_curves
from fgmix.plotting import draw_grid, save_figure, share_legend
from fgmix.tables import percent

BLACK, BLUE, ORANGE = COLOURS[0], COLOURS[1], COLOURS[2]


def save_comparison(path: Path, comparison: Comparison) -> None:
    """Draws learning curves if the number of training images varies, else accuracies.

    Args:
        path: The image file; its suffix sets the format.
        comparison: The groups.
    """
    curves = learning_curves(comparison)
    save_figure(path, draw_learning_curves(curves) if curves else draw_comparison(comparison))


def save_history(path: Path, comparison: Comparison) -> None:
    """Draws loss and accuracy by epoch, one line per group.

    Args:
        path: The image file; its suffix sets the format.
        comparison: The groups.

    Raises:
        FgmixError: If the history of a run can't be read.
    """
    histories = {
        group.name: [run.run.history for parts in group.runs for run in parts]
        for group in comparison.study.groups
    }
    save_curves(path, headline(comparison), histories, *measured_splits(histories))


def draw_comparison(comparison: Comparison, stacked: bool = False) -> Figure:
    """Draws every group's seeds, mean and 95 % interval, and the differences to the baselines.

    Args:
        comparison: The groups.
        stacked: Whether the differences go below the accuracies, for narrow pages.
    """
    groups = comparison.study.groups
    height = 1.7 + 0.42 * len(groups)
    plots = 2 if comparison.contrasts else 1
    rows, columns = (plots, 1) if stacked else (1, plots)
    size = (4.6 if stacked else 1.5 + 4.2 * columns, 0.3 + (height - 0.3) * rows)
    figure = Figure(figsize=size, layout="constrained")
    axes = list(figure.subplots(rows, columns, sharey=True, squeeze=False).flat)
    for y, accuracy in enumerate(comparison.accuracies):
        if accuracy.std is not None:  # a single seed would lie below the mean
            seeds = [100 * seed for seed in accuracy.seeds]
            axes[0].plot(seeds, [y] * len(seeds), "o", ms=4, color=COLOURS[6], label="each seed")
        _interval(axes[0], y, accuracy.mean, accuracy.low, accuracy.high, BLUE)
    axes[0].set_xlabel("top-1 (%): mean and 95 % interval")
    axes[0].set_yticks(range(len(groups)), [group.name for group in groups])
    axes[0].set_ylim(len(groups) - 0.5, -0.5)
    for axis in axes[1:]:
        _draw_differences(axis, comparison)
    for axis in axes:
        draw_grid(axis, "x")
    share_legend(figure, axes, 3)
    return figure


def _draw_differences(axis: Axes, comparison: Comparison) -> None:
    places = {group.name: y for y, group in enumerate(comparison.study.groups)}
    axis.axvline(0, color=BLACK, linewidth=0.8)
    for contrast in comparison.contrasts:
        y, found = places[contrast.group], contrast.found
        shown = contrast.verdict != NOT_SHOWN
        _interval(axis, y, found.mean, found.low, found.high, ORANGE if shown else BLACK)
        if contrast.detectable is not None:
            reach = [-100 * contrast.detectable, 100 * contrast.detectable]
            axis.plot(reach, [y, y], "|", color="0.55", ms=12, label="detectable difference (80 %)")
    axis.set_xlabel(f"points against {comparison.baseline}: difference and 95 % interval")


def _interval(axis: Axes, y: float, mean: float, low: float, high: float, colour: str) -> None:
    axis.plot([100 * low, 100 * high], [y, y], color=colour, linewidth=1.6)
    axis.plot([100 * mean], [y], "D", color=colour, ms=5)


def draw_learning_curves(curves: Sequence[LearningCurve]) -> Figure:
    """Draws accuracy against the number of training images per class, with 95 % intervals."""
    figure = Figure(figsize=(6.5, 4.4), layout="constrained")
    axis = figure.subplots()
    ticks: dict[float, str] = {}
    for number, curve in enumerate(curves):
        colour = COLOURS[number % len(COLOURS)]
        # A small offset keeps intervals from hiding each other.
        shift = 1 + 0.012 * (number - (len(curves) - 1) / 2)
        x = np.array([point.images for point in curve.points])
        found = [point.accuracy for point in curve.points]
        mean, low, high = (
            np.array([100 * getattr(a, name) for a in found]) for name in ("mean", "low", "high")
        )
        bars = [mean - low, high - mean]
        axis.errorbar(
            x * shift, mean, yerr=bars, fmt="o-", ms=4, capsize=3, color=colour, label=curve.name
        )
        ticks |= {
            point.images: point.amount if point.amount == "all" else f"{point.images:g}"
            for point in curve.points
        }
    axis.set_xscale("log")
    axis.set_xticks(list(ticks), list(ticks.values()))
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.set(xlabel="training photos per class", ylabel="top-1 (%)")
    draw_grid(axis)
    share_legend(figure, [axis], 2)
    return figure


def draw_reliability(failures: Sequence[Failures]) -> Figure:
    """Draws reliability diagrams: accuracy against confidence."""
    columns = min(3, len(failures))
    rows = -(-len(failures) // columns)
    figure = Figure(figsize=(3.4 * columns, 3.6 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for axis, found in zip(axes.flat, failures, strict=False):
        bins = [b for b in found.reliability if b.answers]
        axis.plot([0, 100], [0, 100], "--", color="0.5", linewidth=1)
        axis.bar(
            [100 * b.low for b in bins],
            [100 * b.accuracy for b in bins],
            [100 * (b.high - b.low) for b in bins],
            align="edge",
            color=BLUE,
            edgecolor="white",
        )
        axis.plot(
            [100 * b.confidence for b in bins],
            [100 * b.accuracy for b in bins],
            "o",
            ms=3,
            color=BLACK,
        )
        error = percent(found.calibration_error, 1)
        axis.set_title(f"{found.group}: ECE {error} points", fontsize="medium")
        axis.set(xlabel="confidence (%)", ylabel="accuracy (%)", xlim=(0, 100), ylim=(0, 100))
    for axis in axes.flat[len(failures) :]:
        axis.set_axis_off()
    return figure
