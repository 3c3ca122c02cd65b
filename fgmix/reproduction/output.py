"""The result files of a grid: tables, plots, and the state of every cell."""

from collections.abc import Mapping
from pathlib import Path

from fgmix.config.train_config import TrainConfig
from fgmix.files import write_csv, write_text
from fgmix.grid.plan import Cell
from fgmix.grid.results import comparisons, write_cells
from fgmix.grid.state import State
from fgmix.models.backbones.registry import name_in_files
from fgmix.reproduction.summary import entries
from fgmix.reproduction.tables import table_one, table_two


def write_results(folder: Path, states: Mapping[Cell, State]) -> str:
    """Writes the results of a grid so far, and returns Table II.

    Args:
        folder: The folder for `table2.md`, `table2.csv`, `table2.png`, `table1.md`, `cells.csv`,
            `fig2-DATASET-BACKBONE.png` if test curves were recorded, and
            `comparison-DATASET-BACKBONE.md` if at least two methods have finished.
        states: The grid.
    """
    from fgmix.reproduction.figures import save_figure_two, save_table_plot  # Matplotlib is slow

    folder.mkdir(parents=True, exist_ok=True)
    table = table_two(states)
    write_text(folder / "table2.md", table)
    write_text(folder / "table1.md", table_one(states))
    places = [entry.row() for entry in entries(states)]
    write_csv(folder / "table2.csv", list(places[0]), places, for_people=True)
    write_cells(folder / "cells.csv", states)
    save_table_plot(folder / "table2.png", states)
    save_figure_two(folder, states)
    for name, text in comparisons(states, _page).items():
        write_text(folder / f"comparison-{name}.md", text)
    return table


def _page(config: TrainConfig) -> str:
    return f"{config.dataset_name}-{name_in_files(config.backbone)}"
