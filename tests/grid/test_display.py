"""The progress of cells side by side."""

import itertools

import pytest

from fgmix.files import write_csv
from fgmix.grid import display
from fgmix.grid.display import Display, progress
from tests.grid import fakes
from tests.grid.grids import small_grid


@pytest.fixture
def cells(tmp_path):
    cells = small_grid(tmp_path)
    rows = [
        {"epoch": e, "loss": 1, "accuracy": 0.25 * e, "val_accuracy": 0.3, "seconds": 1}
        for e in (1, 2)
    ]
    write_csv(fakes.begin(cells[0].config, 0) / "history.csv", list(rows[0]), rows)
    return cells


@pytest.fixture
def minutes(monkeypatch):
    """A clock that a minute passes on between two looks."""
    passed = itertools.count(60, 60)
    monkeypatch.setattr(display.time, "monotonic", lambda: next(passed))


def test_a_cell_shows_its_epochs_and_accuracies(cells):
    known, unknown = map(progress, cells[:2])
    assert known == (
        "  cars, resnet50, none, seed 0: 2 of 2 epochs, training 50.0 %, validation 30.0 %"
    )
    assert unknown.endswith("mixed, gate linear, seed 0: 0 of 2 epochs")


def test_in_a_log_what_has_not_changed_is_not_repeated(cells, capsys, minutes):
    shown = Display(2)
    for _ in range(3):
        shown.update(cells[:2], lambda: "4 left")
    out = capsys.readouterr().out
    assert out.splitlines() == [*map(progress, cells[:2]), "4 left"]
    assert "\x1b" not in out


def test_on_a_terminal_a_block_replaces_the_one_before(cells, capsys, minutes, monkeypatch):
    monkeypatch.setattr(display.sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    shown = Display(2)
    shown.update(cells[:2], lambda: "4 left")
    first = capsys.readouterr().out
    assert [len(line) <= 39 for line in first.splitlines()] == [True] * 3
    shown.update(cells[:1], lambda: "4 left")
    assert capsys.readouterr().out.startswith("\x1b[3F\x1b[J")
    shown.clear()
    shown.clear()
    assert capsys.readouterr().out == "\x1b[2F\x1b[J"


def test_cells_that_print_themselves_are_not_shown(cells, capsys, minutes):
    Display(0).update(cells, lambda: "4 left")
    assert capsys.readouterr().out == ""
