"""The result files of a grid: tables, plots, and the state of every cell."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from fgmix.comparison.contrasts import compare
from fgmix.comparison.output import as_markdown
from fgmix.comparison.study import open_study
from fgmix.config.train_config import TrainConfig
from fgmix.errors import FgmixError
from fgmix.files import write_csv, write_text
from fgmix.models.backbones.registry import name_in_files
from fgmix.reproduction.grid import State
from fgmix.reproduction.plan import Cell
from fgmix.reproduction.summary import cell_row, entries
from fgmix.reproduction.tables import table_one, table_two
from fgmix.tables import markdown_text


def results_name(dataset: str, grid: Sequence[str], config: TrainConfig) -> str:
    """Returns a folder name for the results of a grid, distinct for different grids.

    Args:
        dataset: The data sets' names.
        grid: The lists of backbones, attentions and gates that are not the default.
        config: The config of any cell. Its departures from the recipe are part of the name.
    """
    own = config.departures().items()
    parts = ["reproduce", dataset, *grid]
    parts += [f"{name}_{value}" for name, value in own if name not in ("weights", "gate")]
    return "-".join(re.sub(r"[^\w.]+", "_", part) for part in parts)


def write_results(folder: Path, states: Mapping[Cell, State]) -> None:
    """Writes the results of a grid so far.

    Args:
        folder: The folder for `table2.md`, `table2.csv`, `table2.png`, `table1.md`, `cells.csv`,
            `fig2-DATASET-BACKBONE.png` if test curves were recorded, and
            `comparison-DATASET-BACKBONE.md` if at least two methods have finished.
        states: The grid.
    """
    from fgmix.reproduction.figures import save_figure_two, save_table_plot  # Matplotlib is slow

    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "table2.md", table_two(states))
    write_text(folder / "table1.md", table_one(states))
    places = [entry.row() for entry in entries(states)]
    write_csv(folder / "table2.csv", list(places[0]), places, for_people=True)
    cells = [cell_row(cell, state) for cell, state in states.items()]
    write_csv(folder / "cells.csv", list(cells[0]), cells, for_people=True)
    save_table_plot(folder / "table2.png", states)
    save_figure_two(folder, states)
    for name, text in comparisons(states).items():
        write_text(folder / f"comparison-{name}.md", text)


def comparisons(states: Mapping[Cell, State]) -> dict[str, str]:
    """Returns comparisons of the methods with the baseline, as Markdown pages.

    Returns:
        A page for each `DATASET-BACKBONE` for which at least two methods have a finished seed.
    """
    places: dict[str, list[Cell]] = {}
    for cell, state in states.items():
        if state.status == "finished":
            c = cell.config
            places.setdefault(f"{c.dataset_name}-{name_in_files(c.backbone)}", []).append(cell)
    pages = {}
    for name, cells in places.items():
        if len({(cell.config.attention, cell.gate) for cell in cells}) > 1:
            try:
                pages[name] = as_markdown(compare(open_study([cell.directory for cell in cells])))
            except FgmixError as error:
                pages[name] = f"# Comparison\n\nNot made: {markdown_text(str(error))}\n"
    return pages
