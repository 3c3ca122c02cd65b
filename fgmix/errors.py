"""The exception for errors that the user can fix."""


class FgmixError(Exception):
    """A user error, with its remedy: one line that says what is wrong, where, and what to do.

    The command line prints it without a traceback and exits with code 2.
    """


class BusyError(FgmixError):
    """Another process is at work on it."""
