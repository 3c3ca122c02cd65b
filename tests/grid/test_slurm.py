"""Cells as jobs, tried with submitit's local executor: there is no Slurm here."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from fgmix.errors import FgmixError
from fgmix.grid.results import write_grid
from fgmix.grid.slurm import CellJob, submit
from fgmix.grid.state import state
from tests.grid import fakes
from tests.grid.grids import small_grid

LOCAL = {"cluster": "local", "timeout_min": 5}


def job(cells, tmp_path, train=fakes.train):
    return CellJob(cells, train, write_grid, tmp_path / "out")


def states_of(cells):
    return {cell: state(cell) for cell in cells}


def test_the_group_is_named_if_submitit_is_not_installed(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "submitit", None)
    cells = small_grid(tmp_path)
    with pytest.raises(FgmixError, match=r"pip install 'fgmix\[submitit\]'"):
        submit(job(cells, tmp_path), states_of(cells), LOCAL, None)


@pytest.mark.peers
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "there is no Slurm here: --jobs N"),
        ({"cluster": "local", "queue": "gpu"}, "'queue' need to be prefixed"),
        ({"cluster": "local", "timeout_min": "long"}, "timeout_min"),
    ],
)
def test_what_can_not_be_submitted_is_one_line(tmp_path, given, message):
    pytest.importorskip("submitit")
    cells = small_grid(tmp_path)
    with pytest.raises(FgmixError, match=message) as refused:
        submit(job(cells, tmp_path), states_of(cells), given, None)
    assert "\n" not in str(refused.value)


@pytest.mark.peers
@pytest.mark.slow
def test_jobs_train_the_cells_and_a_preempted_one_is_gone_on_with(tmp_path, monkeypatch):
    pytest.importorskip("submitit")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    cells = small_grid(tmp_path / "runs", attentions=["none"])
    fakes.train(cells[1].config)
    trained = tmp_path / "runs" / "trained.txt"
    trained.unlink()
    [number] = submit(job(cells, tmp_path, fakes.train_slowly), states_of(cells), LOCAL, None)
    begun = tmp_path / "runs" / "begun.txt"
    wait_for(begun.exists)
    [pid] = [p.name.split("_")[0] for p in (tmp_path / "out" / "jobs").glob("*_submitted.pkl")]
    assert pid == number
    [worker] = children(int(pid))
    os.kill(worker, signal.SIGUSR2)  # as Slurm does before it takes the host away
    wait_for(lambda: state(cells[0]).status == "finished")
    assert len(begun.read_text().split()) == 2
    assert trained.read_text().split() == [cells[0].directory.name]
    table = tmp_path / "out" / "table.md"
    wait_for(lambda: table.exists() and "2 of 2" in table.read_text())


def children(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_for(condition):
    for _ in range(300):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("waited in vain")
