"""Running a grid: skipped, resumed and failed cells, and workers that end with their parent."""

import logging
import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from fgmix.reproduction.grid import run_grid, state
from tests.reproduction import fakes
from tests.reproduction.grids import small_grid


def run(cells, train=fakes.train):
    reported = []
    states = run_grid(cells, train, lambda now: reported.append(dict(now)))
    return states, reported


def trained(folder):
    return (folder / "trained.txt").read_text().split()


@pytest.mark.slow
def test_every_cell_is_run_once_and_reported(tmp_path):
    cells = small_grid(tmp_path)
    states, reported = run(cells)
    assert [s.status for s in states.values()] == ["finished"] * 4
    assert trained(tmp_path) == [cell.directory.name for cell in cells]
    finished = [[s.status for s in now.values()].count("finished") for now in reported]
    assert finished == [1, 2, 3, 4]
    assert reported[0][cells[1]].status == "not run"


@pytest.mark.slow
def test_finished_cells_are_skipped_and_stopped_ones_gone_on_with(tmp_path):
    cells = small_grid(tmp_path)
    fakes.train(cells[0].config)
    fakes.begin(cells[1].config, 1)
    assert [state(cell).status for cell in cells] == ["finished", "unfinished"] + ["not run"] * 2
    (tmp_path / "trained.txt").unlink()
    states, _ = run(cells)  # the fake requires `resume` exactly if there is a run
    assert {s.status for s in states.values()} == {"finished"}
    assert trained(tmp_path) == [cell.directory.name for cell in cells[1:]]
    again, reported = run(cells)
    assert again == states
    assert reported == []


@pytest.mark.slow
def test_a_cell_that_fails_does_not_stop_the_others(tmp_path, caplog):
    caplog.set_level(logging.INFO, "fgmix")
    cells = small_grid(tmp_path, attentions=["spatial", "none"], seeds=4)
    states, _ = run(cells, fakes.train_all_but_spatial)
    reasons = {c.config.seed: s.reason for c, s in states.items() if s.status == "failed"}
    assert reasons == {
        0: "the photos are upside down: turn them round",
        1: "ValueError: a bug",
        2: "its process was killed by SIGKILL (out of memory?)",
        3: "its process exited with code 0 before the run was finished",
    }
    others = [s.status for c, s in states.items() if c.config.attention == "none"]
    assert others == ["finished"] * 4
    assert "failed: the photos are upside down" in caplog.text
    # Failures are not recorded: the next run tries the cell again.
    states, _ = run(cells)
    assert {s.status for s in states.values()} == {"finished"}


def test_a_long_complaint_does_not_hang_the_grid(tmp_path):
    states, _ = run(
        small_grid(tmp_path, attentions=["none"], seeds=1), fakes.train_to_a_long_complaint
    )
    assert [len(s.reason) for s in states.values()] == [100_000]


@pytest.mark.slow
def test_results_that_can_not_be_written_stop_no_training(tmp_path):
    def report(now):
        raise OSError(28, "No space left on device")

    states = run_grid(small_grid(tmp_path), fakes.train, report)
    assert {s.status for s in states.values()} == {"finished"}


def test_a_run_of_other_settings_is_not_taken_for_the_cells(tmp_path):
    cells = small_grid(tmp_path, seeds=1)
    fakes.train(cells[0].config)
    config = cells[0].directory / "config.json"
    config.write_text(config.read_text().replace('"epochs": 2', '"epochs": 7'))
    states, _ = run(cells)
    assert [s.status for s in states.values()] == ["failed", "finished"]
    assert "--epochs was 7" in states[cells[0]].reason


@pytest.mark.slow
def test_the_log_tells_what_is_left(tmp_path, caplog):
    caplog.set_level(logging.INFO, "fgmix")
    run(small_grid(tmp_path))
    assert "[1 of 4] cars, resnet50, none, seed 0" in caplog.text
    # Two epochs of 30 s for each of three cells.
    assert "3 left, about 3 min" in caplog.text


@pytest.mark.slow
def test_a_killed_grid_takes_its_worker_with_it(tmp_path):
    context = multiprocessing.get_context("spawn")
    cells = small_grid(tmp_path)
    parent = context.Process(target=run, args=(cells, fakes.train_for_ever))
    parent.start()
    note = tmp_path / "worker.pid"
    _wait_for(lambda: note.exists() and note.read_text())
    worker = int(note.read_text())
    os.kill(parent.pid, signal.SIGKILL)
    parent.join()
    _wait_for(lambda: not _alive(worker))
    assert [state(cell).status for cell in cells] == ["unfinished"] + ["not run"] * 3


def _wait_for(condition):
    for _ in range(600):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("waited in vain")


def _alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A worker without a parent may stay a zombie until it is reaped.
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
