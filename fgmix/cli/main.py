"""Running a command: quiet libraries, one-line errors, exit codes."""

import logging
import os
import sys
from collections.abc import Callable
from io import TextIOWrapper
from typing import TextIO

from fgmix.console import PlainFormatter, say
from fgmix.errors import FgmixError


def show_notes(stream: TextIO | None = None) -> None:
    """Prints progress messages without decoration, by default on standard output."""
    # basicConfig has no effect if a library has configured the root logger.
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(PlainFormatter())
    notes = logging.getLogger("fgmix")
    notes.handlers = [handler]
    notes.setLevel(logging.INFO)


def survive_any_character() -> None:
    r"""Makes standard output and error write `\u4e2d` for a character that they can't encode.

    A console of Windows, or a log with the C locale, can't show every class name.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def run(
    command: Callable[[list[str]], int],
    argv: list[str] | None = None,
    notes: TextIO | None = None,
) -> int:
    """Runs a command, and reports user errors as one line on standard error.

    Args:
        command: Takes the arguments and returns the exit code.
        argv: The arguments; by default those of the process.
        notes: The stream for progress messages; by default standard output.

    Returns:
        The command's exit code, 2 for bad input, or 130 for Ctrl-C.
    """
    survive_any_character()
    show_notes(notes)
    try:
        return command(sys.argv[1:] if argv is None else argv)
    except FgmixError as error:
        say(f"error: {error}", file=sys.stderr)
        return 2
    except ImportError as error:
        if error.name is None or error.name.partition(".")[0] == "fgmix":
            raise  # a fault of ours, not of the installation
        say(
            f"error: {error.name} can't be imported ({error}): install what fgmix needs again with "
            f"pip install --force-reinstall {error.name.partition('.')[0]}",
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:
        say("stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of the output is gone, as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:  # no permission, no space: the file and the system's message
        say(
            f"error: {error.filename or 'input or output'}: {error.strerror or error}",
            file=sys.stderr,
        )
        return 2
