"""`python -m fgmix COMMAND`."""

import sys
from importlib import import_module

from fgmix.cli.main import run
from fgmix.errors import FgmixError

COMMANDS = {
    "check": (
        "fgmix.cli.check",
        "audit a data set before training: bad files, copies, small classes",
    ),
    "predict": ("fgmix.cli.predict", "classes of photos, one JSON object a line"),
}


def main(argv: list[str]) -> int:
    """Hands the arguments to a command, or lists the commands."""
    if not argv or argv[0] in ("-h", "--help"):
        print("usage: python -m fgmix COMMAND ...\n\ncommands:")
        for name, (_, summary) in COMMANDS.items():
            print(f"  {name:<10}{summary}")
        print("\nTraining and evaluation: python train.py --help, python evaluate.py --help")
        return 0 if argv else 2
    if argv[0] not in COMMANDS:
        raise FgmixError(f"unknown command {argv[0]!r}: choose one of {', '.join(COMMANDS)}")
    return import_module(COMMANDS[argv[0]][0]).main(argv[1:])


if __name__ == "__main__":
    sys.exit(run(main, notes=sys.stderr))
