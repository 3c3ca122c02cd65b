"""The exception for errors that the user can fix, and what its message suggests."""

import difflib
from collections.abc import Iterable


class FgmixError(Exception):
    """A user error, with its remedy: one line that says what is wrong, where, and what to do.

    The command line prints it without a traceback and exits with code 2.
    """


class BusyError(FgmixError):
    """Another process is at work on it."""


def did_you_mean(given: str, known: Iterable[str], shape: str = ": {}", cutoff: float = 0.6) -> str:
    """Returns a suggestion for a message about a name that is not known.

    Args:
        given: The name.
        known: The names that there are.
        shape: What the suggestion is put into.
        cutoff: How alike a name must be to be suggested, from 0 to 1.

    Returns:
        The suggestion in its shape; an empty string if no name is near.

    Example:
        >>> did_you_mean("evalute", ["train", "evaluate"])
        ': did you mean evaluate?'
        >>> did_you_mean("zip", ["train", "evaluate"])
        ''
    """
    near = difflib.get_close_matches(given, known, 1, cutoff)
    return shape.format(f"did you mean {near[0]}?") if near else ""
