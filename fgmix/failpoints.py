"""Failpoints: named moments of a run at which a test can kill the process."""

import os
import signal
from collections import Counter

FAIL_AT = "FGMIX_FAIL_AT"
"""The environment variable that selects a failpoint: `NAME`, or `NAME@3` for its third pass."""

_passed: Counter[str] = Counter()


def failpoint(name: str) -> None:
    """Kills the process with SIGKILL if `FGMIX_FAIL_AT` selects this failpoint.

    Does nothing otherwise. A run that is killed here and resumed must give the same result as an
    uninterrupted run.
    """
    selected = os.environ.get(FAIL_AT)
    if selected is None:
        return
    _passed[name] += 1
    selected_name, _, pass_number = selected.partition("@")
    if selected_name == name and _passed[name] == int(pass_number or 1):
        os.kill(os.getpid(), signal.SIGKILL)
