"""The result files of a grid."""

import re
from types import SimpleNamespace

import pytest

from fgmix.errors import FgmixError
from fgmix.files import read_csv
from fgmix.grid.results import grid_table, results_name, write_grid, write_together
from fgmix.grid.state import State, state
from tests.grid import fakes
from tests.grid.grids import small_grid


@pytest.mark.parametrize(
    ("grid", "departures", "name"),
    [
        ([], {}, "reproduce-cars_aircraft"),
        (["none,mixed"], {"epochs": 5}, "reproduce-cars_aircraft-none_mixed-epochs_5"),
        ([], {"weights": "none", "gate": "sigmoid"}, "reproduce-cars_aircraft"),
    ],
)
def test_results_are_named_by_what_is_not_the_default(grid, departures, name):
    config = SimpleNamespace(departures=lambda: departures)
    assert results_name("reproduce", "cars,aircraft", grid, config) == name


def test_a_name_that_no_folder_can_have_is_refused():
    config = SimpleNamespace(departures=dict)
    with pytest.raises(FgmixError, match="the name of the results is too long"):
        results_name("grid", "x" * 300, [], config)


def test_the_table_has_a_row_for_every_group(tmp_path):
    cells = small_grid(tmp_path, attentions=["none", "spatial"], gates=["linear", "softmax"])
    for cell in cells[:4]:
        fakes.train(cell.config)
    states = {cell: state(cell) for cell in cells}
    states[cells[-1]] = State("failed", "a | b")
    table = grid_table(states)
    assert "| none | 50.50 ± 0.71 | 2 of 2 |" in re.sub(" +", " ", table)
    assert "| spatial, gate linear | 70.00 | 1 of 2 |" in re.sub(" +", " ", table)
    assert "| spatial, gate softmax | 70.00 | 1 of 2, 1 failed |" in re.sub(" +", " ", table)
    assert table.splitlines()[-1].startswith("- Failed: cars, resnet50, spatial, gate softmax")


def test_the_results_name_what_the_grid_varies(tmp_path):
    cells = small_grid(tmp_path, seeds=1, shots=[5, 10], folds=2, attentions=["none"])
    assert cells[0].title == "cars, resnet50, none, shots 5, fold 0, seed 0"
    fakes.train(cells[0].config)
    states = {cell: state(cell) for cell in cells}
    assert write_grid(tmp_path / "out", states) == (tmp_path / "out" / "table.md").read_text()
    rows = read_csv(tmp_path / "out" / "cells.csv")
    found = [(row["shots"], row["fold"], row["status"]) for row in rows]
    assert found[:2] == [("5", "0", "finished"), ("10", "0", "not run")]
    assert rows[0]["top1_percent"] == "50.0"
    assert "1 of 2" in (tmp_path / "out" / "table.md").read_text()


def test_groups_that_have_finished_are_compared(tmp_path):
    cells = small_grid(tmp_path)
    for cell in cells:
        fakes.train(cell.config)
    write_grid(tmp_path / "out", {cell: state(cell) for cell in cells})
    page = (tmp_path / "out" / "comparison-cars.md").read_text()
    assert "mixed is better than none (+30.00 points" in page


def test_the_last_to_write_sees_what_others_have_finished(tmp_path):
    cells = small_grid(tmp_path)
    seen = {cell: state(cell) for cell in cells}
    fakes.train(cells[0].config)
    (tmp_path / "out").mkdir()
    assert "1 of 2" in write_together(write_grid, tmp_path / "out", seen)
    seen[cells[0]] = State("failed", "here")
    assert "1 failed" in write_together(write_grid, tmp_path / "out", seen)
