"""Training of the cells of a grid, each in a separate process, so that a failure ends only one."""

import logging
import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait

from fgmix.config.train_config import TrainConfig
from fgmix.errors import FgmixError
from fgmix.reproduction.estimate import Estimate, duration
from fgmix.reproduction.plan import Cell

log = logging.getLogger(__name__)

Train = Callable[[TrainConfig], None]
"""Trains a config to a finished run. It must be a module-level function, as it is pickled."""


@dataclass(frozen=True)
class State:
    """The state of a cell.

    Attributes:
        status: `"finished"`, `"unfinished"`, `"not run"` or `"failed"`.
        reason: Why it failed.
    """

    status: str
    reason: str = ""


def state(cell: Cell) -> State:
    """Returns the state of a cell, read from its folder."""
    if not cell.begun():
        return State("not run")
    refusal = cell.refusal()
    if refusal:
        return State("failed", refusal)
    return State("unfinished" if cell.metrics() is None else "finished")


def run_grid(
    cells: Sequence[Cell], train: Train, report: Callable[[dict[Cell, State]], None]
) -> dict[Cell, State]:
    """Runs or resumes every cell that is not finished.

    Args:
        cells: The grid, in order.
        train: Trains one cell.
        report: Called with the state of all cells after each cell.

    Returns:
        The state of every cell.
    """
    states = {cell: state(cell) for cell in cells}
    estimate = Estimate(cells)
    left = [cell for cell in cells if states[cell].status in ("unfinished", "not run")]
    for number, cell in enumerate(left, 1):
        log.info("\n[%d of %d] %s", number, len(left), cell.title)
        states[cell] = _run_cell(cell, train)
        if states[cell].status == "failed":
            log.info("failed: %s", states[cell].reason)
        if left[number:]:
            log.info("%d left, %s", len(left) - number, duration(estimate.left(left[number:])))
        try:
            report(states)
        except OSError as error:  # the next report may succeed, so training continues
            log.info("the results can't be written yet: %s", error)
    return states


def _run_cell(cell: Cell, train: Train) -> State:
    """Trains one cell in a new process, which ends with this one."""
    # A separate process, so that a crash or a lack of memory ends one cell and not the grid; a new
    # interpreter, because TensorFlow's threads don't survive a fork.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    config = replace(cell.config, resume=cell.begun())
    process = context.Process(target=_work, args=(train, config, theirs))
    process.start()
    theirs.close()
    answer = None
    try:
        wait([ours, process.sentinel])
        if ours.poll():
            answer = _receive(ours)
        process.join()
    except BaseException:  # Ctrl-C reaches the worker too, which may be writing
        process.join(timeout=20)
        process.kill()
        raise
    if answer is not None:
        return State("failed", answer)
    if process.exitcode == 0 and cell.metrics() is not None:
        return State("finished")
    return State("failed", _death(process.exitcode))


def _receive(answer: Connection) -> str | None:
    try:
        return answer.recv()
    except EOFError:  # the worker ended without a message
        return None


def _work(train: Train, config: TrainConfig, answer: Connection) -> None:
    """Trains a cell in its process, and sends the reason if that fails."""
    threading.Thread(target=_die_with_parent, daemon=True).start()
    try:
        train(config)
    except FgmixError as error:
        answer.send(str(error))
    except KeyboardInterrupt:
        os._exit(130)
    except Exception as error:
        traceback.print_exc()
        answer.send(f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}")


def _die_with_parent() -> None:
    """Ends this process when its parent ends, so that no cell is trained twice at a time."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


def _death(code: int | None) -> str:
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        hint = " (out of memory?)" if name == "SIGKILL" else ""
        return f"its process was killed by {name}{hint}"
    return f"its process exited with code {code} before the run was finished"
