"""The state of a cell, read from the folder that all hosts of a grid share."""

import platform
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fgmix.errors import FgmixError
from fgmix.files import read_json, write_json
from fgmix.grid.claims import Claims
from fgmix.grid.plan import Cell

FINISHED, UNFINISHED, NOT_RUN = "finished", "unfinished", "not run"
FAILED, TRAINING = "failed", "training"


@dataclass(frozen=True)
class State:
    """The state of a cell.

    Attributes:
        status: `"finished"`, `"unfinished"`, `"not run"`, `"training"` or `"failed"`.
        reason: Why it failed, or where it is trained.
    """

    status: str
    reason: str = ""


def claims_folder(cell: Cell) -> Path:
    """Returns the folder of the claims and failures of the runs beside a cell's."""
    return cell.directory.parent / ".claims"


def state(cell: Cell) -> State:
    """Returns the state of a cell, read from its folder and the claims beside it."""
    if cell.metrics() is not None and cell.refusal() is None:
        return State(FINISHED)
    owner = Claims(claims_folder(cell)).owner(cell.directory.name)
    if owner is not None:
        return State(TRAINING, f"on {owner.host}")
    return unclaimed_state(cell)


def unclaimed_state(cell: Cell) -> State:
    """Returns the state of a cell that nobody else trains, as other hosts have left it."""
    for folder in (cell.directory.parent, cell.directory, claims_folder(cell)):
        with suppress(OSError):  # NFS looks again at a folder that is listed
            list(folder.iterdir())
    failure = _failure(cell)
    if not cell.begun():
        return State(FAILED, failure) if failure else State(NOT_RUN)
    reason = cell.refusal() or ("" if cell.metrics() else failure)
    if reason:
        return State(FAILED, reason)
    return State(UNFINISHED if cell.metrics() is None else FINISHED)


def note_failure(cell: Cell, reason: str) -> None:
    """Records why a cell failed, so that no other worker tries it again by itself.

    Raises:
        FgmixError: If that can't be written.
    """
    path = _failure_file(cell)
    when = time.strftime("%Y-%m-%d %H:%M")
    try:
        write_json(path, {"reason": reason, "host": platform.node(), "time": when})
    except OSError as error:
        raise FgmixError(
            f"{cell.title}: {reason}; and can't write to {path.parent}: {error.strerror}"
        ) from error


def forget_failure(cell: Cell) -> None:
    """Removes the record of a failure, so that the cell is tried again."""
    _failure_file(cell).unlink(missing_ok=True)


def _failure(cell: Cell) -> str:
    try:
        found = read_json(_failure_file(cell))
        where = f" (on {found['host']}, {found['time']})"
        return f"{found['reason']}{where * (found['host'] != platform.node())}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _failure_file(cell: Cell) -> Path:
    return claims_folder(cell) / f"{cell.directory.name}.failed"
