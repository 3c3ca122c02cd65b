"""Ctrl-C and SIGTERM: a run that is asked to stop saves first."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(KeyboardInterrupt):
    """A run was asked to stop, and can be resumed.

    Attributes:
        number: The signal: that of Ctrl-C or SIGTERM.
        saved: What is saved, in words.
    """

    def __init__(self, number: int, saved: str = "up to its last checkpoint"):
        super().__init__(f"stopped; the run is saved {saved}")
        self.number = number
        self.saved = saved


@dataclass
class InterruptRequest:
    """Whether the run has been asked to stop.

    Attributes:
        number: The signal that asked, None before.
        agreed: The signal that is obeyed: where several processes train together, one that any
            of them was sent, after the same step in all.
    """

    number: int | None = None
    agreed: int | None = None


@contextmanager
def interrupts_raised() -> Iterator[None]:
    """Makes Ctrl-C and SIGTERM raise `Interrupted` wherever the program is."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Interrupted(number)

    with _handling(stop):
        yield


@contextmanager
def interrupts_noted() -> Iterator[InterruptRequest]:
    """Notes Ctrl-C or SIGTERM instead, for someone to obey; the second one is obeyed at once."""
    request = InterruptRequest()

    def note(number: int, frame: FrameType | None) -> None:
        if request.number is not None:
            raise Interrupted(number)
        request.number = number
        # Not print: the signal may have come in the midst of one.
        os.write(2, b"\nsaving after this step, then stopping (once more stops at once)\n")

    with _handling(note):
        yield request


@contextmanager
def _handling(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread is given signals
        return
    # A signal that is ignored (`nohup`, a script's background) stays so.
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
