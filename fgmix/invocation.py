"""How fgmix was called, so that messages and help name commands as the user types them."""

import re
import shlex
import sys
from pathlib import Path

_SCRIPTS = ("train", "evaluate")
"""Commands that a clone also has as scripts beside the package."""
_COMMAND = re.compile(r"\bfgmix ([a-z]+)\b")
_PACKAGE = Path(__file__).resolve().parent


def command(name: str) -> str:
    """Returns a command as it is typed in a shell.

    It is `python train.py` or `python evaluate.py` where a clone's script was called, and
    `python -m fgmix NAME` after `python -m fgmix`. Otherwise, in a notebook too, it is
    `fgmix NAME`, which every installation has.

    Args:
        name: The command's name, such as `"train"`.
    """
    program = Path(sys.argv[0] if sys.argv else "")
    folder = program.resolve().parent
    if folder == _PACKAGE and program.name == "__main__.py":
        return f"python -m fgmix {name}"
    if folder == _PACKAGE.parent and program.name in [f"{script}.py" for script in _SCRIPTS]:
        if name in _SCRIPTS:
            return f"python {shlex.quote(str(program.with_name(f'{name}.py')))}"
        return f"python -m fgmix {name}"
    return f"fgmix {name}"


def as_called(text: str) -> str:
    """Returns a text in which every `fgmix NAME` is written as by `command`."""
    return _COMMAND.sub(lambda found: command(found[1]), text)
