"""The results of a grid: a table of its groups, comparisons, and the state of every cell."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fgmix.comparison.contrasts import compare
from fgmix.comparison.names import distinguishing, in_words
from fgmix.comparison.output import as_markdown
from fgmix.comparison.statistics import mean_and_std
from fgmix.comparison.study import open_study
from fgmix.config.identity import UNNAMED, result_settings
from fgmix.config.train_config import TrainConfig
from fgmix.config.validation import LONGEST_NAME
from fgmix.errors import FgmixError
from fgmix.files import locked, write_csv, write_text
from fgmix.grid.plan import Cell
from fgmix.grid.state import FAILED, FINISHED, State, state
from fgmix.tables import aligned, markdown_table, markdown_text

NOTHING = "–"

Write = Callable[[Path, Mapping[Cell, State]], str]
"""Writes the results of a grid to a folder and returns their table; a module-level function."""


def results_name(
    command: str,
    dataset: str,
    grid: Sequence[str],
    config: TrainConfig,
    apart: Sequence[str] = (),
) -> str:
    """Returns a folder name for the results of a grid, distinct for different grids.

    Args:
        command: The command that makes it.
        dataset: The data sets' names.
        grid: The lists of the grid that are not the default.
        config: The config of any cell. Its departures from the recipe are part of the name.
        apart: The settings that the lists name.

    Raises:
        FgmixError: If the name is too long.
    """
    own = config.departures().items()
    parts = [command, dataset, *grid]
    parts += [f"{name}_{value}" for name, value in own if name not in ("weights", "gate", *apart)]
    found = "-".join(re.sub(r"[^\w.]+", "_", part) for part in parts)
    if len(os.fsencode(found)) > LONGEST_NAME:
        raise FgmixError(f"the name of the results is too long ({found[:40]}...): give --output")
    return found


def write_together(write: Write, folder: Path, states: Mapping[Cell, State]) -> str:
    """Writes the results of a grid that other processes may write too; returns their table.

    Args:
        write: Writes them.
        folder: Their folder.
        states: The grid, as this process has seen it last.

    Raises:
        FgmixError: If the folder can't be written to.
    """
    with locked(folder / "results", "choose another --output"):
        # What others have finished since then is seen by the one that writes last.
        now = {cell: s if s.status == FAILED else state(cell) for cell, s in states.items()}
        return write(folder, now)


def write_grid(folder: Path, states: Mapping[Cell, State]) -> str:
    """Writes the results of a grid so far, and returns their table.

    Args:
        folder: The folder for `table.md`, `cells.csv`, and `comparison-DATASET.md` if at least two
            groups have finished runs.
        states: The grid.
    """
    folder.mkdir(parents=True, exist_ok=True)
    table = grid_table(states)
    write_text(folder / "table.md", table)
    write_cells(folder / "cells.csv", states)
    for name, text in comparisons(states, lambda config: config.dataset_name).items():
        write_text(folder / f"comparison-{name}.md", text)
    return table


def grid_table(states: Mapping[Cell, State]) -> str:
    """Returns a row for every group of cells that differ in seed and fold alone."""
    groups: dict[str, list[Cell]] = {}
    for cell in states:
        groups.setdefault(repr(_settings(cell)), []).append(cell)
    settings = [_settings(cells[0]) for cells in groups.values()]
    shown = distinguishing(settings) or ["attention"]
    rows = []
    for own, cells in zip(settings, groups.values(), strict=True):
        top1 = [100 * m["top1"] for cell in cells if (m := _metrics(cell, states[cell]))]
        failed = sum(states[cell].status == FAILED for cell in cells)
        runs = f"{len(top1)} of {len(cells)}" + (f", {failed} failed" if failed else "")
        mean, std = mean_and_std(top1) if top1 else (None, None)
        accuracy = NOTHING if mean is None else f"{mean:.2f}"
        if std is not None:
            accuracy += f" ± {std:.2f}"
        name = ", ".join(in_words(key, own[key]) for key in shown if key in own)
        rows.append([name, accuracy, runs])
    lines = [
        "# Results (top-1 %)",
        "",
        "Mean ± sample standard deviation over runs, which differ in seed and fold.",
        "",
        markdown_table(["group", "top-1 %", "finished"], rows, [True, False, False]),
        "",
        *(
            f"- Failed: {markdown_text(cell.title)}: {markdown_text(one.reason)}"
            for cell, one in states.items()
            if one.status == FAILED
        ),
    ]
    return "\n".join(lines).rstrip() + "\n"


def write_cells(path: Path, states: Mapping[Cell, State]) -> None:
    """Writes the state of every cell as CSV."""
    rows = [cell_row(cell, found) for cell, found in states.items()]
    write_csv(path, list(rows[0]), rows, for_people=True)


def cell_row(cell: Cell, state: State) -> dict[str, Any]:
    """Returns a cell as a row of `cells.csv`: its status, its accuracy, why it failed."""
    c = cell.config
    measured = _metrics(cell, state)
    return {
        "dataset": c.dataset,
        "backbone": c.backbone,
        "attention": c.attention,
        "gate": cell.gate,
        **{name: getattr(c, name) for name in cell.varied},
        "seed": c.seed,
        "status": state.status,
        "epochs": len(cell.history()),
        **{
            f"{name}_percent": 100 * measured[name] if measured else None
            for name in ("top1", "mean_per_class")
        },
        "run": cell.directory,
        "reason": state.reason,
    }


def comparisons(
    states: Mapping[Cell, State], page_of: Callable[[TrainConfig], str]
) -> dict[str, str]:
    """Returns comparisons of the finished groups of a grid, as Markdown pages.

    Args:
        states: The grid.
        page_of: The name of the page that a cell is compared on.

    Returns:
        A page by name, where at least two groups have a finished run.
    """
    places: dict[str, list[Cell]] = {}
    for cell, found in states.items():
        if found.status == FINISHED:
            places.setdefault(page_of(cell.config), []).append(cell)
    pages = {}
    for name, cells in places.items():
        if len({repr(_settings(cell)) for cell in cells}) > 1:
            try:
                pages[name] = as_markdown(compare(open_study([cell.directory for cell in cells])))
            except FgmixError as error:
                pages[name] = f"# Comparison\n\nNot made: {markdown_text(str(error))}\n"
    return pages


def plan_lines(states: Mapping[Cell, State]) -> list[str]:
    """Returns one line of text per cell: its status, its epochs, why it failed."""
    rows = [
        (
            found.status,
            f"{len(cell.history())} of {cell.config.epochs} epochs",
            cell.title,
            found.reason,
        )
        for cell, found in states.items()
    ]
    return aligned(rows, [True] * 4)


def _metrics(cell: Cell, state: State) -> dict[str, Any] | None:
    return cell.metrics() if state.status == FINISHED else None


def _settings(cell: Cell) -> dict[str, Any]:
    """Returns what tells a cell's group from others."""
    settings = {"dataset": cell.config.dataset_name, **result_settings(cell.config)}
    apart = ("seed", "fold", *UNNAMED, *(() if cell.gate else ("gate",)))
    return {name: value for name, value in settings.items() if name not in apart}
