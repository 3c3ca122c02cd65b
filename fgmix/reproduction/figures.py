"""The paper's Fig. 2 from our runs, and Table II as a figure."""

from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure

from fgmix.comparison.published import method_name
from fgmix.evaluation.curves import COLOURS, save_curves
from fgmix.grid.plan import Cell
from fgmix.grid.state import State
from fgmix.models.backbones.registry import name_in_files, shown_name
from fgmix.plotting import draw_grid, save_figure, share_legend
from fgmix.reproduction.summary import entries, has_papers_data, has_test_curve
from fgmix.reproduction.tables import set_title


def save_table_plot(path: Path, states: Mapping[Cell, State]) -> None:
    """Draws every entry of Table II: our seeds, their mean, and the paper's value.

    The paper's value is left out if the images are not the paper's, as it is not comparable then.

    Args:
        path: A PNG file.
        states: The grid. Nothing is drawn until a cell is finished.
    """
    grid = [entry for entry in entries(states) if entry.top1]
    columns = list(dict.fromkeys((e.dataset, e.backbone) for e in grid))
    if not columns:
        return
    methods = list(dict.fromkeys(e.method for e in grid))
    height = 1.4 + 0.42 * len(methods)
    figure = Figure(figsize=(2.2 + 3.4 * len(columns), height), layout="constrained")
    axes = figure.subplots(1, len(columns), sharey=True, squeeze=False)[0]
    for axis, column in zip(axes, columns, strict=True):
        comparable = has_papers_data(column[0], states)
        for entry in grid:
            if (entry.dataset, entry.backbone) != column:
                continue
            y = methods.index(entry.method)
            seeds = axis.scatter(
                entry.top1, [y] * len(entry.top1), s=14, color=COLOURS[6], zorder=2
            )
            middle = axis.errorbar(
                [entry.mean], [y], xerr=entry.std, fmt="o", color=COLOURS[1], capsize=3
            )
            seeds.set_label("ours, each seed")
            middle.set_label("ours, mean ± standard deviation")
            if comparable and entry.paper is not None:
                axis.scatter([entry.paper], [y], marker="D", color=COLOURS[2], label="paper")
        axis.set(title=f"{set_title(column[0])}, {column[1]}", xlabel="test top-1 (%)")
        draw_grid(axis, "x")
    axes[0].set_yticks(range(len(methods)), methods)
    axes[0].set_ylim(len(methods) - 0.5, -0.5)
    share_legend(figure, axes, 3)
    save_figure(path, figure)


def save_figure_two(folder: Path, states: Mapping[Cell, State]) -> None:
    """Draws test loss and accuracy by epoch: `fig2-DATASET-BACKBONE.png`.

    Only finished runs that were trained with `--monitor-test` are drawn.
    """
    lines: dict[Path, dict[str, list]] = {}
    titles: dict[Path, str] = {}
    for cell, state in states.items():
        if state.status != "finished" or not has_test_curve(cell):
            continue
        history = cell.history()
        c = cell.config
        path = folder / f"fig2-{c.dataset_name}-{name_in_files(c.backbone)}.png"
        titles[path] = f"{set_title(c.dataset)}, {shown_name(c.backbone)}"
        label = method_name(c.attention, cell.gate)
        lines.setdefault(path, {}).setdefault(label, []).append(history)
    for path, runs in lines.items():
        save_curves(path, titles[path], runs, "test")
