"""Shell completion of all commands and flags, made from the parsers."""

import argparse
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from fgmix.config.fields import flags_of, option
from fgmix.config.train_config import TrainConfig
from fgmix.errors import FgmixError
from fgmix.lazy import import_optional

SHELLS = ("bash", "zsh", "tcsh", "fish")
GROUP = "completion"
FOLDERS = ("DIR", "RUN")
"""The placeholders of flags that take a folder."""


def completion_script(shell: str, commands: Mapping[str, tuple[str, str]]) -> str:
    """Returns a script that teaches a shell to complete `fgmix`.

    Args:
        shell: A name from `SHELLS`.
        commands: The module and the summary of each command.

    Raises:
        FgmixError: If the shell is not known, or shtab is not installed.
    """
    if shell not in SHELLS:
        raise FgmixError(f"--print-completion {shell}: choose one of {', '.join(SHELLS)}")
    shtab = import_optional("shtab", GROUP, "--print-completion")
    parser = argparse.ArgumentParser(prog="fgmix")
    parser.add_argument("--version", action="store_true", help="print the version")
    added = parser.add_subparsers()
    names = {option(f.name): f.metadata["choices"] for f in flags_of(TrainConfig)}
    for name, (module, summary) in commands.items():
        own = import_module(module).make_parser()
        part = added.add_parser(name, parents=[own], add_help=False, help=summary)
        for action in part._actions:
            if action.metavar in FOLDERS:
                action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
            elif action.type is Path or not action.option_strings:
                action.complete = shtab.FILE  # type: ignore[attr-defined]
            elif names.get(action.option_strings[0]) and not action.choices:
                action.choices = list(names[action.option_strings[0]])
    script: str = shtab.complete(parser, shell)
    return script
