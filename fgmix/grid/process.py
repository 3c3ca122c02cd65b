"""A cell in a process of its own, so that a failure ends only one."""

import errno
import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from pathlib import Path

from fgmix.config.train_config import TrainConfig
from fgmix.errors import BusyError, FgmixError
from fgmix.grid.plan import Cell
from fgmix.grid.state import FAILED, FINISHED, TRAINING, State

Train = Callable[[TrainConfig], None]
"""Trains a config to a finished run. It must be a module-level function, as it is pickled."""

FAILURE, BUSY, FULL = "failure", "busy", "full"


@dataclass(frozen=True)
class Slot:
    """What one cell at a time has of this host.

    Attributes:
        number: Its number, from 0.
        environment: Variables of its process.
        cores: The cores that it may use; empty for all.
    """

    number: int = 0
    environment: Mapping[str, str] = field(default_factory=dict, hash=False)
    cores: tuple[int, ...] = ()


class CellProcess:
    """A process that trains or resumes a cell, and ends with this one.

    Args:
        cell: The cell.
        train: Trains it.
        slot: What it may use.
        log: A file for what it prints; None prints it here.
    """

    def __init__(self, cell: Cell, train: Train, slot: Slot, log: Path | None = None):
        # A separate process, so that a crash or a lack of memory ends one cell and not the grid; a
        # new interpreter, because TensorFlow's threads don't survive a fork.
        context = multiprocessing.get_context("spawn")
        self.cell = cell
        self._answer: tuple[str, str] | None = None
        self._pipe, theirs = context.Pipe(duplex=False)
        config = replace(cell.config, resume=cell.begun())
        self._process = context.Process(target=_work, args=(train, config, slot, log, theirs))
        # Ctrl-C reaches all processes of a terminal: this one passes it on, once.
        main = threading.current_thread() is threading.main_thread()
        before = signal.signal(signal.SIGINT, signal.SIG_IGN) if main else None
        try:
            self._process.start()
        finally:
            if main:
                signal.signal(signal.SIGINT, before or signal.SIG_DFL)
        theirs.close()

    def ended(self) -> bool:
        """Returns whether it has ended, after reading what it says."""
        if self._answer is None and self._pipe.poll():
            try:
                self._answer = self._pipe.recv()
            except (EOFError, OSError):  # it ended without a message
                self._answer = ("", "")
        return not self._process.is_alive()

    def stop(self) -> None:
        """Asks it to save and end; asked again, it ends without saving."""
        if self._process.is_alive():
            self._process.terminate()

    def join(self, seconds: float) -> None:
        """Waits until it has ended, at most some seconds."""
        self._process.join(max(0.0, seconds))

    def kill(self) -> None:
        """Ends it at once."""
        self._process.kill()
        self._process.join()

    def outcome(self) -> tuple[str, State]:
        """Returns the kind of its end and the cell's state; it has ended."""
        kind, text = self._answer or ("", "")
        if text:
            return kind, State(TRAINING if kind == BUSY else FAILED, text)
        if self._process.exitcode == 0 and self.cell.metrics() is not None:
            return "", State(FINISHED)
        return FAILURE, State(FAILED, _death(self._process.exitcode))

    @staticmethod
    def wait(processes: "list[CellProcess]", seconds: float) -> None:
        """Waits until one of several has ended or says something, at most some seconds."""
        watched: list[int | Connection] = [p._process.sentinel for p in processes]
        watched += [p._pipe for p in processes if p._answer is None]
        wait(watched, seconds)


def _work(
    train: Train, config: TrainConfig, slot: Slot, log: Path | None, answer: Connection
) -> None:
    """Trains a cell in its process, and sends the reason if that fails."""
    threading.Thread(target=_die_with_parent, daemon=True).start()
    if hasattr(signal, "SIGUSR2"):  # Slurm's warning, for the process that is asked to stop us
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    os.environ.update(slot.environment)
    if slot.cores:
        os.sched_setaffinity(0, slot.cores)
    if log is not None:
        with log.open("a", encoding="utf-8") as file:
            os.dup2(file.fileno(), sys.stdout.fileno())
            os.dup2(file.fileno(), sys.stderr.fileno())
    try:
        train(config)
    except BusyError as error:
        answer.send((BUSY, str(error)))
    except FgmixError as error:
        answer.send((FULL if _is_full(error) else FAILURE, str(error)))
    except KeyboardInterrupt:
        os._exit(130)
    except Exception as error:
        text = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
        if not _is_full(error):
            traceback.print_exc()
        answer.send((FULL if _is_full(error) else FAILURE, text))


def _is_full(error: BaseException | None) -> bool:
    """Returns whether a full disk is the cause of an error."""
    if error is None:
        return False
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    return "No space left on device" in str(error) or _is_full(error.__cause__)


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
