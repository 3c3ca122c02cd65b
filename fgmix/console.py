"""Text for a console, on which names of files and classes must not act."""

import logging
import re
from typing import TextIO

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""The control characters but tab and line feed."""


def printable(text: str) -> str:
    r"""Returns text with its control characters escaped, except tabs and line feeds.

    In a name, they could colour, delete or rewrite what a terminal shows. The escapes are those of
    JSON, so that JSON stays what it is.

    Example:
        >>> print(printable("\x1b[31mred"))
        \u001b[31mred
    """
    return _CONTROL.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def say(text: str = "", file: TextIO | None = None) -> None:
    """Prints text as `printable` gives it, at once; by default on standard output."""
    print(printable(text), file=file, flush=True)


class PlainFormatter(logging.Formatter):
    """Formats a message without decoration, as `printable` gives it."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns the text of a record."""
        return printable(super().format(record))
