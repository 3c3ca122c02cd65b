"""The files of a grid: tables, plots, and every cell's state."""

from collections.abc import Mapping
from pathlib import Path

from fgmix.files import write_csv, write_text
from fgmix.reproduction.grid import State
from fgmix.reproduction.plan import Cell
from fgmix.reproduction.summary import cell_row, entries
from fgmix.reproduction.tables import table_one, table_two


def write_results(folder: Path, states: Mapping[Cell, State]) -> None:
    """Writes what the grid has shown so far.

    Args:
        folder: Gets `table2.md`, `table2.csv`, `table2.png`, `table1.md`, `cells.csv`, and
            `fig2-DATASET-BACKBONE.png` where test curves were kept.
        states: The grid.
    """
    from fgmix.reproduction.figures import save_figure_two, save_table_plot  # Matplotlib is slow

    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "table2.md", table_two(states))
    write_text(folder / "table1.md", table_one(states))
    places = [entry.row() for entry in entries(states)]
    write_csv(folder / "table2.csv", list(places[0]), places)
    cells = [cell_row(cell, state) for cell, state in states.items()]
    write_csv(folder / "cells.csv", list(cells[0]), cells)
    save_table_plot(folder / "table2.png", states)
    save_figure_two(folder, states)
