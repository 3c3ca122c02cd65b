"""Handles Ctrl-C and SIGTERM: an interrupted run saves a checkpoint before it stops."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(KeyboardInterrupt):
    """Raised when a run was interrupted; it can be resumed.

    Attributes:
        number: The signal's number, SIGINT or SIGTERM.
        saved: How far the run is saved, for the message.
    """

    def __init__(self, number: int, saved: str = "up to its last checkpoint"):
        super().__init__(f"stopped; the run is saved {saved}")
        self.number = number
        self.saved = saved


@dataclass
class InterruptRequest:
    """A pending interrupt of a run.

    Attributes:
        number: The signal that this process received; None for none.
        agreed: The signal that the run acts on, after the same step in all processes: one that any
            of them received.
    """

    number: int | None = None
    agreed: int | None = None


@contextmanager
def interrupts_raised() -> Iterator[None]:
    """Makes Ctrl-C and SIGTERM raise `Interrupted` at once."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Interrupted(number)

    with _handling(stop):
        yield


@contextmanager
def interrupts_noted() -> Iterator[InterruptRequest]:
    """Records Ctrl-C or SIGTERM for the caller to act on; a second one raises `Interrupted`."""
    request = InterruptRequest()

    def note(number: int, frame: FrameType | None) -> None:
        if request.number is not None:
            raise Interrupted(number)
        request.number = number
        # Not `print`, which the signal may have interrupted.
        os.write(2, b"\nsaving after this step, then stopping (once more stops at once)\n")

    with _handling(note):
        yield request


@contextmanager
def _handling(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread receives signals
        return
    # A signal that is ignored (`nohup`, a background job) stays ignored.
    before = {
        number: signal.signal(number, handler)
        for number in SIGNALS
        if signal.getsignal(number) != signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
