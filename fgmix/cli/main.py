"""Running a command: quiet libraries, readable errors, honest exit codes."""

import logging
import os
import sys
from collections.abc import Callable
from typing import TextIO

from fgmix.errors import FgmixError


def import_tensorflow(any_backend: bool = False) -> None:
    """Imports TensorFlow without its start-up notes, which bury the lines meant for people.

    What was trained is the same on any backend of Keras, so all that reads it takes TensorFlow's,
    whatever `KERAS_BACKEND` says.

    Args:
        any_backend: Whether to leave the choice to `KERAS_BACKEND`: for training.
    """
    if not any_backend:
        os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Its C++ code writes the first of them (no CUDA here, oneDNN there) before it reads that
    # variable, so standard error is closed to it for the import's time.
    sys.stderr.flush()
    before, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        import tensorflow  # noqa: F401
    finally:
        os.dup2(before, 2)
        os.close(before)
        os.close(nowhere)


def show_notes(stream: TextIO | None = None) -> None:
    """Prints notes on progress, plainly: on standard output unless told otherwise."""
    # A handler of our own: a library that has set up the root logger would silence basicConfig.
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(logging.Formatter("%(message)s"))
    notes = logging.getLogger("fgmix")
    notes.handlers = [handler]
    notes.setLevel(logging.INFO)


def run(
    command: Callable[[list[str]], int],
    argv: list[str] | None = None,
    notes: TextIO | None = None,
) -> int:
    """Runs a command and turns bad input into one line on standard error.

    Args:
        command: Takes the arguments, returns the exit code.
        argv: The arguments; those of the process by default.
        notes: Where notes on progress go: standard output by default, but not where that is
            for a program to read.

    Returns:
        The command's exit code, 2 for bad input, or 130 for Ctrl-C.
    """
    show_notes(notes)
    try:
        return command(sys.argv[1:] if argv is None else argv)
    except FgmixError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped (a training run goes on with --resume added)", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output has gone, `| head` for one
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:  # no permission, no space: the system's words, and where
        print(
            f"error: {error.filename or 'input or output'}: {error.strerror or error}",
            file=sys.stderr,
        )
        return 2
