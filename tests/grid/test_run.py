"""Running a grid: skipped, resumed and failed cells, and workers that end with their parent."""

import logging
import multiprocessing
import os
import signal
import time
from pathlib import Path
from unittest import mock

import pytest

from fgmix.errors import FgmixError
from fgmix.grid.process import Slot
from fgmix.grid.run import run_grid
from fgmix.grid.state import state
from tests.grid import fakes
from tests.grid.grids import small_grid

CONTEXT = multiprocessing.get_context("spawn")


def run(cells, train=fakes.train):
    reported = []
    states = run_grid(cells, train, lambda now: reported.append(dict(now)))
    return states, reported


def trained(folder, file="trained.txt"):
    return (folder / file).read_text().split()


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
    cells = small_grid(tmp_path)
    parent = CONTEXT.Process(target=run, args=(cells, fakes.train_for_ever))
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


def work(cells, train, **settings):
    """A worker whose claims are renewed often, so that nobody waits long for it."""
    with (
        mock.patch("fgmix.grid.claims.HEARTBEAT", 0.2),
        mock.patch("fgmix.grid.run.HEARTBEAT", 0.2),
    ):
        run_grid(cells, train, lambda now: None, **settings)


def start_worker(cells, train=fakes.train_slowly, **settings):
    process = CONTEXT.Process(target=_work_till_interrupted, args=(cells, train), kwargs=settings)
    process.start()
    return process


def _work_till_interrupted(cells, train, **settings):
    # A shell's background job ignores Ctrl-C, and the tests may be one.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    work(cells, train, **settings)


@pytest.mark.slow
def test_workers_share_a_grid_and_what_a_killed_one_leaves_is_gone_on_with(tmp_path):
    cells = small_grid(tmp_path, attentions=["none", "channel", "mixed"])
    begun = tmp_path / "begun.txt"
    doomed = start_worker(cells, retry=False)
    for kills in (1, 2):
        _wait_for(lambda n=kills: begun.exists() and len(trained(tmp_path, "begun.txt")) >= n)
        doomed.kill()
        doomed.join()
        doomed = start_worker(cells, retry=False)
    others = [start_worker(cells, retry=False) for _ in range(2)]
    for worker in (doomed, *others):
        worker.join()
        assert worker.exitcode == 0
    assert {state(cell).status for cell in cells} == {"finished"}
    assert sorted(trained(tmp_path)) == sorted(cell.directory.name for cell in cells)
    assert len(trained(tmp_path, "begun.txt")) == len(cells) + 2
    assert not [p for p in (tmp_path / ".claims").iterdir() if ".claim" in p.name]


@pytest.mark.slow
def test_cells_side_by_side_have_their_share_and_print_to_files(tmp_path, capsys):
    cells = small_grid(tmp_path / "runs")
    here = sorted(os.sched_getaffinity(0))
    places = [Slot(0, {"TF_NUM_INTRAOP_THREADS": "7"}, (here[0],)), Slot(1, {}, (here[-1],))]
    states = run_grid(
        *(cells, fakes.show_what_it_may_use, lambda now: None), slots=places, logs=tmp_path
    )
    assert {s.status for s in states.values()} == {"finished"}
    assert sorted(trained(tmp_path / "runs")) == sorted(cell.directory.name for cell in cells)
    printed = {(tmp_path / f"{cell.directory.name}.log").read_text() for cell in cells}
    assert printed == {f"cores {here[0]} threads 7\n", f"cores {here[-1]} threads None\n"}
    assert "cores" not in capsys.readouterr().out


@pytest.mark.slow
def test_an_interrupt_lets_every_cell_save_and_leaves_no_claim(tmp_path):
    cells = small_grid(tmp_path / "runs")
    places = [Slot(0), Slot(1)]
    grid = start_worker(cells, fakes.train_for_ever_or_till_told, slots=places, logs=tmp_path)
    ready = [cell.directory / "ready.txt" for cell in cells[:2]]
    _wait_for(lambda: all(path.exists() for path in ready))
    assert [state(cell).status for cell in cells] == ["training"] * 2 + ["not run"] * 2
    os.kill(grid.pid, signal.SIGINT)
    grid.join(120)
    assert grid.exitcode == 1  # a KeyboardInterrupt, which the command turns into its exit code
    assert [state(cell).status for cell in cells] == ["unfinished"] * 2 + ["not run"] * 2
    assert all((cell.directory / "saved.txt").exists() for cell in cells[:2])


@pytest.mark.slow
def test_a_failure_is_tried_again_only_when_that_is_asked_for(tmp_path):
    cells = small_grid(tmp_path, attentions=["spatial"], seeds=1)
    assert state(cells[0]).status == "not run"
    run(cells, fakes.train_all_but_spatial)
    assert state(cells[0]).reason == "the photos are upside down: turn them round"
    states = run_grid(cells, fakes.train, lambda now: None, retry=False)
    assert [s.status for s in states.values()] == ["failed"]
    states = run_grid(cells, fakes.train, lambda now: None)
    assert [s.status for s in states.values()] == ["finished"]


def test_a_full_folder_stops_the_grid_in_one_line(tmp_path):
    cells = small_grid(tmp_path)
    with pytest.raises(FgmixError, match=r"the disk of .* is full: free some space") as full:
        run(cells, fakes.train_on_a_full_disk)
    assert "\n" not in str(full.value)
    assert [state(cell).status for cell in cells] == ["unfinished"] + ["not run"] * 3


@pytest.mark.slow
def test_a_cell_that_another_process_trains_is_no_failure(tmp_path):
    cells = small_grid(tmp_path, attentions=["none"])
    work(cells, fakes.train_what_another_trains)
    assert [state(cell).status for cell in cells] == ["finished"] * 2
    assert trained(tmp_path) == [cells[1].directory.name, cells[0].directory.name]
