"""Named moments of a run at which a test can kill the process, always at the same place."""

import os
import signal
from collections import Counter

KILL_AT = "FGMIX_KILL_AT"
"""The environment variable that names the moment: `NAME`, or `NAME@3` for its third time."""

_passed: Counter[str] = Counter()


def milestone(name: str) -> None:
    """Ends the process at once, without any clean-up, if `FGMIX_KILL_AT` names this moment.

    Does nothing else. A run that is killed here and resumed must end as if it had never been.
    """
    wanted = os.environ.get(KILL_AT)
    if wanted is None:
        return
    _passed[name] += 1
    moment, _, time = wanted.partition("@")
    if moment == name and _passed[name] == int(time or 1):
        os.kill(os.getpid(), signal.SIGKILL)
