"""Ctrl-C and SIGTERM: raised at once, or recorded until the step ends."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from fgmix.training.interrupts import Interrupted, interrupts_noted, interrupts_raised


@pytest.fixture(autouse=True)
def as_from_a_terminal():
    """Restores the handling of Ctrl-C, which a shell's background jobs ignore."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_at_once(number):
    with pytest.raises(Interrupted) as caught, interrupts_raised():
        os.kill(os.getpid(), number)
    assert caught.value.number == number
    assert isinstance(caught.value, KeyboardInterrupt)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_between_steps_the_first_is_noted_and_the_second_obeyed(number, capfd):
    with pytest.raises(Interrupted), interrupts_noted() as request:
        assert request.number is None
        os.kill(os.getpid(), number)
        assert request.number == number
        assert "saving after this step" in capfd.readouterr().err
        os.kill(os.getpid(), number)


def test_handlers_are_put_back():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with interrupts_raised(), interrupts_noted():
        pass
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_an_ignored_signal_stays_ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with interrupts_raised():
        os.kill(os.getpid(), signal.SIGINT)


def test_other_threads_are_left_alone():
    seen = []

    def work():
        with interrupts_noted() as request:
            seen.append(request.number)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [None]


def test_no_training_library_is_needed_to_stop():
    code = "import sys, fgmix.training.interrupts; print('tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
