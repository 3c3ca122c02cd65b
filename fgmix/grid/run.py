"""Runs the cells of a grid: some at a time, beside other processes that run the same grid."""

import logging
import platform
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fgmix.errors import FgmixError
from fgmix.grid.claims import HEARTBEAT, STALE, Claim, Claims
from fgmix.grid.display import Display
from fgmix.grid.estimate import Estimate, duration
from fgmix.grid.plan import Cell
from fgmix.grid.process import BUSY, FULL, CellProcess, Slot, Train
from fgmix.grid.state import (
    FAILED,
    NOT_RUN,
    TRAINING,
    UNFINISHED,
    State,
    claims_folder,
    forget_failure,
    note_failure,
    state,
    unclaimed_state,
)

log = logging.getLogger(__name__)

Report = Callable[[dict[Cell, State]], object]
TICK = 1.0
SAVING, ENDING = 60.0, 20.0
"""Seconds that interrupted cells have to save, and to end when interrupted again."""


def run_grid(
    cells: Sequence[Cell],
    train: Train,
    report: Report,
    *,
    slots: Sequence[Slot] = (Slot(),),
    retry: bool = True,
    logs: Path | None = None,
    grid: str = "",
) -> dict[Cell, State]:
    """Runs or resumes every cell that is not finished and that no other process trains.

    Args:
        cells: The grid, in order.
        train: Trains one cell.
        report: Called with the state of all cells after each cell.
        slots: What each of the cells that are trained at a time may use.
        retry: Whether to try cells again that have failed before.
        logs: A folder for what cells print; None prints it here.
        grid: The name of this grid, for those who look at its claims.

    Returns:
        The state of every cell.

    Raises:
        FgmixError: If the folder of the runs can't be written to, or is full. The cells that were
            being trained are saved and can be resumed.
    """
    if retry:
        for cell in cells:
            forget_failure(cell)
    running = _Run(cells, train, report, slots, logs, grid)
    try:
        running.to_the_end()
    except BaseException:
        running.stop()
        raise
    finally:
        running.display.clear()
    return running.now()


@dataclass
class _Running:
    process: CellProcess
    claim: Claim


class _Run:
    def __init__(
        self,
        cells: Sequence[Cell],
        train: Train,
        report: Report,
        slots: Sequence[Slot],
        logs: Path | None,
        grid: str,
    ):
        self.cells = cells
        self.train = train
        self.report = report
        self.logs = logs
        self.states = {cell: state(cell) for cell in cells}
        self.left = [cell for cell in cells if self._open(cell) or self._elsewhere(cell)]
        self.claims = Claims(claims_folder(cells[0]), grid) if cells else Claims(Path())
        self.free = list(slots)
        self.running: dict[Slot, _Running] = {}
        self.later: dict[Cell, float] = {}
        self.estimate = Estimate(cells)
        self.display = Display(len(slots) if logs else 0)
        self.slots = len(slots)

    def to_the_end(self) -> None:
        """Runs cells until none is left that is free, or may become free."""
        look = 0.0
        while True:
            while self.free and time.monotonic() >= look:
                if not self._start_next():
                    look = time.monotonic() + HEARTBEAT
            if not self.running:
                if not self._await_others():
                    return
                continue
            CellProcess.wait([one.process for one in self.running.values()], TICK)
            for slot, one in list(self.running.items()):
                if one.process.ended():
                    self._end(slot)
                    look = 0.0
                elif one.claim.lost:
                    self._give_up(slot)
            self.display.update([one.process.cell for one in self.running.values()], self._summary)

    def stop(self) -> None:
        """Lets the running cells save and end; one more interrupt ends them at once."""
        processes = [one.process for one in self.running.values()]
        if processes and self.logs:
            self.display.clear()
            log.info("saving, then stopping (once more stops at once)")
        for seconds in (SAVING, ENDING):
            try:
                deadline = time.monotonic() + seconds
                for process in processes:
                    process.stop()
                for process in processes:
                    process.join(deadline - time.monotonic())
                break
            except KeyboardInterrupt:
                continue
        for one in self.running.values():
            one.process.kill()
            one.claim.release()
        self.running.clear()

    def now(self) -> dict[Cell, State]:
        """Returns the state of every cell, those that other processes train included."""
        for cell in self.cells:
            if self._open(cell) or self._elsewhere(cell):
                self.states[cell] = state(cell)
        return dict(self.states)

    def _open(self, cell: Cell) -> bool:
        return self.states[cell].status in (UNFINISHED, NOT_RUN)

    def _elsewhere(self, cell: Cell) -> bool:
        return self.states[cell].status == TRAINING

    def _start_next(self) -> bool:
        """Starts the next free cell; returns whether there was one."""
        own = [one.process.cell for one in self.running.values()]
        for cell in self.cells:
            if cell in own or not (self._open(cell) or self._elsewhere(cell)):
                continue
            if self.later.get(cell, 0.0) > time.monotonic():
                continue
            claim = self.claims.take(cell.directory.name)
            # Another process may have finished it since the last look.
            self.states[cell] = unclaimed_state(cell) if claim else State(TRAINING)
            if claim is None:
                continue
            if self._open(cell):
                self._start(cell, claim)
                return True
            claim.release()
        return False

    def _start(self, cell: Cell, claim: Claim) -> None:
        number = 1 + sum(not self._open(other) for other in self.left)
        self.display.clear()
        log.info("%s[%d of %d] %s", "" if self.logs else "\n", number, len(self.left), cell.title)
        slot = self.free.pop(0)
        file = self.logs / f"{cell.directory.name}.log" if self.logs else None
        try:
            process = CellProcess(cell, self.train, slot, file)
        except BaseException:
            claim.release()
            raise
        self.running[slot] = _Running(process, claim)
        self.states[cell] = State(TRAINING, f"on {platform.node()}")

    def _end(self, slot: Slot) -> None:
        """Takes the outcome of a cell that has ended."""
        one = self.running[slot]
        cell = one.process.cell
        kind, self.states[cell] = one.process.outcome()
        reason = self.states[cell].reason
        if kind == FULL:
            log.info("%s: %s", cell.title, reason)
            raise FgmixError(
                f"the disk of {cell.directory.parent} is full: free some space (a run needs it for "
                f"three checkpoints), and repeat the command"
            )
        self.display.clear()
        if kind == BUSY:
            self.later[cell] = time.monotonic() + HEARTBEAT
        elif self.states[cell].status == FAILED:
            note_failure(cell, reason)
            log.info("failed: %s%s", f"{cell.title}: " * bool(self.logs), reason)
        elif self.logs:
            log.info("finished: %s, %s", cell.title, _accuracy(cell))
        one.claim.release()
        self._free(slot)
        if kind != BUSY:
            if not self.logs and any(map(self._open, self.cells)):
                log.info("%s", self._summary())
            self._write()

    def _give_up(self, slot: Slot) -> None:
        """Ends a cell whose claim this process could not renew, so that another has taken it."""
        one = self.running[slot]
        one.process.kill()
        one.claim.release()
        self.display.clear()
        log.info("another host has taken over %s", one.process.cell.title)
        self._free(slot)

    def _free(self, slot: Slot) -> None:
        del self.running[slot]
        self.free.append(slot)

    def _write(self) -> None:
        try:
            self.report(self.now())
        except OSError as error:  # the next report may succeed, so training continues
            log.info("the results can't be written yet: %s", error)

    def _await_others(self) -> bool:
        """Waits until the cells that others train are theirs for sure, or one gets free.

        Returns:
            Whether one got free and was started. Owners that live renew their claims in this time;
            the claims of those that were killed get stale.
        """
        began, seen = time.monotonic(), dict[Cell, float]()
        while left := [cell for cell in self.cells if self._elsewhere(cell)]:
            times = {cell: self.claims.renewed(cell.directory.name) for cell in left}
            seen = {cell: seen.get(cell) or times[cell] for cell in left}
            alive = all(times[cell] > seen[cell] > 0 for cell in left)
            if alive or time.monotonic() - began > STALE + 2 * HEARTBEAT:
                log.info("%d left, which other processes train", len(left))
                return False
            if time.monotonic() - began < TICK:
                log.info("waiting until %d cells are seen to be trained by others", len(left))
            time.sleep(HEARTBEAT / 4)
            if self._start_next():
                return True
        return False

    def _summary(self) -> str:
        """Returns how many cells are left, and the time they will take here."""
        own = [one.process.cell for one in self.running.values()]
        left = [cell for cell in self.cells if self._open(cell) or cell in own]
        seconds = self.estimate.left(left)
        text = f"{len(left)} left, {duration(seconds and seconds / self.slots)}"
        elsewhere = sum(map(self._elsewhere, self.cells)) - len(own)
        return text + (f", and {elsewhere} elsewhere" if elsewhere else "")


def _accuracy(cell: Cell) -> str:
    with suppress(TypeError, KeyError):
        return f"top-1 {100 * (cell.metrics() or {})['top1']:.1f} %"
    return "no accuracy"
