"""`python -m fgmix COMMAND`."""

import sys
from importlib import import_module
from typing import NamedTuple

from fgmix.cli.main import run
from fgmix.console import say
from fgmix.errors import FgmixError


class Command(NamedTuple):
    """A command.

    Attributes:
        module: Its module, with a function `main`.
        summary: What it does.
        piped: Whether its standard output is for programs, so that notes go to standard error.
    """

    module: str
    summary: str
    piped: bool = False


COMMANDS = {
    "import": Command(
        "fgmix.cli.import_photos", "make a folder of photos that fgmix reads: from zip, HEIC, ..."
    ),
    "check": Command(
        "fgmix.cli.check", "audit a data set: bad files, duplicates, small classes, label issues"
    ),
    "train": Command("fgmix.cli.train", "train, evaluate and export one classifier (train.py)"),
    "evaluate": Command("fgmix.cli.evaluate", "evaluate a finished run again (evaluate.py)"),
    "predict": Command(
        "fgmix.cli.predict", "predict the classes of photos: one JSON or CSV line each", piped=True
    ),
    "export": Command("fgmix.cli.export", "export a run as a SavedModel or as ONNX"),
    "query": Command(
        "fgmix.cli.query", "predict with a model behind TensorFlow Serving", piped=True
    ),
    "compare": Command(
        "fgmix.cli.compare", "test whether one group of runs is better than another"
    ),
    "report": Command(
        "fgmix.cli.report",
        "write one page on runs: how good they are and where they fail",
        piped=True,
    ),
    "app": Command("fgmix.cli.app", "serve a local page to try a model: drop a photo, see why"),
    "heatmaps": Command("fgmix.cli.heatmaps", "draw where runs look, and measure the maps"),
    "reproduce": Command(
        "fgmix.cli.reproduce", "train the paper's grid of runs; write its tables and figures"
    ),
    "backbones": Command(
        "fgmix.cli.backbones", "list the networks to fine-tune: cost, weights, licence"
    ),
    "costs": Command(
        "fgmix.cli.costs", "count parameters and multiply-adds of backbones and attentions"
    ),
}


def main(argv: list[str]) -> int:
    """Runs a command with its arguments, or lists the commands."""
    if not argv or argv[0] in ("-h", "--help"):
        say("usage: python -m fgmix COMMAND ...\n\ncommands:")
        for name, command in COMMANDS.items():
            say(f"  {name:<12}{command.summary}")
        say("\npython -m fgmix COMMAND --help shows its arguments.")
        return 0 if argv else 2
    if argv[0] not in COMMANDS:
        raise FgmixError(f"unknown command {argv[0]!r}: choose one of {', '.join(COMMANDS)}")
    return import_module(COMMANDS[argv[0]].module).main(argv[1:])


if __name__ == "__main__":
    piped = any(COMMANDS[name].piped for name in sys.argv[1:2] if name in COMMANDS)
    sys.exit(run(main, notes=sys.stderr if piped else sys.stdout))
