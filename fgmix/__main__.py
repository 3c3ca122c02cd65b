"""`fgmix COMMAND`, and `python -m fgmix COMMAND`."""

import sys
from importlib import import_module
from typing import NamedTuple

from fgmix import __version__
from fgmix.cli.main import run
from fgmix.console import say
from fgmix.errors import FgmixError, did_you_mean
from fgmix.invocation import as_called, command


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
        "fgmix.cli.import_photos",
        "make a folder to train on from a zip, HEICs, Parquet, the hub, ...",
    ),
    "check": Command(
        "fgmix.cli.check", "audit a data set: bad files, duplicates, small classes, label issues"
    ),
    "train": Command("fgmix.cli.train", "train, evaluate and export one classifier"),
    "evaluate": Command("fgmix.cli.evaluate", "evaluate a finished run again"),
    "predict": Command(
        "fgmix.cli.predict", "predict the classes of photos: one JSON or CSV line each", piped=True
    ),
    "export": Command("fgmix.cli.export", "export runs to serve: SavedModel, ONNX or LiteRT"),
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
    "grid": Command(
        "fgmix.cli.grid", "train every combination of settings, many at a time, and compare them"
    ),
    "backbones": Command(
        "fgmix.cli.backbones", "list the networks to fine-tune: cost, weights, licence"
    ),
    "costs": Command(
        "fgmix.cli.costs", "count parameters and multiply-adds of backbones and attentions"
    ),
}


EXAMPLES = """\
examples:
  fgmix train --dataset demo                                    # drawn pictures, in minutes
  fgmix train --dataset photos/ --backbone mobilenet_v2         # a folder of photos for each class
  fgmix predict --model saved_models/RUN photo.jpg              # RUN: the folder that train names
"""


def main(argv: list[str]) -> int:
    """Runs a command with its arguments, or lists the commands."""
    name, *arguments = argv or [""]
    if name in ("", "-h", "--help", "help"):
        say(f"usage: {command('COMMAND')} ...\n\ncommands:")
        for listed, one in COMMANDS.items():
            say(f"  {listed:<12}{one.summary}")
        say(f"\n{as_called(EXAMPLES)}\n{command('COMMAND')} --help shows its flags.")
        say("fgmix --print-completion bash prints a script for the shell's completion.")
        return 0 if name else 2
    if name == "--version":
        say(f"fgmix {__version__}")
        return 0
    if name == "--print-completion":
        from fgmix.cli.completion import completion_script

        offered = {name: (one.module, one.summary) for name, one in COMMANDS.items()}
        say(completion_script(" ".join(arguments), offered))
        return 0
    if name not in COMMANDS:
        if name.startswith("-"):
            raise FgmixError(f"{name} comes after a command, such as {command('train')} {name} ...")
        hint = did_you_mean(name, COMMANDS, "{}") or f"choose one of {', '.join(COMMANDS)}"
        raise FgmixError(f"unknown command {name!r}: {hint}")
    return import_module(COMMANDS[name].module).main(arguments)


def start(*before: str) -> int:
    """Runs the command of this process, and returns its exit code.

    Args:
        *before: Arguments to put before those of the process: a command's name.
    """
    argv = [*before, *sys.argv[1:]]
    piped = any(COMMANDS[name].piped for name in argv[:1] if name in COMMANDS)
    return run(main, argv, notes=sys.stderr if piped else sys.stdout)


if __name__ == "__main__":
    sys.exit(start())
