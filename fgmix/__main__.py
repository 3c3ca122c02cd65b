"""`python -m fgmix COMMAND`."""

import sys
from importlib import import_module
from typing import NamedTuple

from fgmix.cli.main import run
from fgmix.errors import FgmixError


class Command(NamedTuple):
    """A command: where it is, what it does, and whether a program may read what it prints."""

    module: str
    summary: str
    piped: bool = False


COMMANDS = {
    "check": Command(
        "fgmix.cli.check", "audit a data set: bad files, copies, small classes, label issues"
    ),
    "train": Command("fgmix.cli.train", "train, evaluate and export one classifier (train.py)"),
    "evaluate": Command("fgmix.cli.evaluate", "measure a finished run again (evaluate.py)"),
    "predict": Command(
        "fgmix.cli.predict", "classes of photos, a JSON or CSV line each", piped=True
    ),
    "export": Command("fgmix.cli.export", "a run as a SavedModel to serve, or as ONNX"),
    "query": Command("fgmix.cli.query", "predict's lines, asked of TensorFlow Serving", piped=True),
    "compare": Command("fgmix.cli.compare", "whether one group of runs is better than another"),
    "report": Command(
        "fgmix.cli.report", "one page on runs: how good, why, where they fail", piped=True
    ),
    "app": Command("fgmix.cli.app", "a local page to try a model: drop a photo, see why"),
    "heatmaps": Command(
        "fgmix.cli.heatmaps", "where runs look: figures, and how good the maps are"
    ),
    "reproduce": Command("fgmix.cli.reproduce", "the paper's grid of runs, its tables and figures"),
    "backbones": Command("fgmix.cli.backbones", "networks to fine-tune: cost, weights, licence"),
    "costs": Command(
        "fgmix.cli.costs", "parameters and multiply-adds of each backbone and attention"
    ),
}


def main(argv: list[str]) -> int:
    """Hands the arguments to a command, or lists the commands."""
    if not argv or argv[0] in ("-h", "--help"):
        print("usage: python -m fgmix COMMAND ...\n\ncommands:")
        for name, command in COMMANDS.items():
            print(f"  {name:<12}{command.summary}")
        print("\npython -m fgmix COMMAND --help shows what each takes.")
        return 0 if argv else 2
    if argv[0] not in COMMANDS:
        raise FgmixError(f"unknown command {argv[0]!r}: choose one of {', '.join(COMMANDS)}")
    return import_module(COMMANDS[argv[0]].module).main(argv[1:])


if __name__ == "__main__":
    piped = any(COMMANDS[name].piped for name in sys.argv[1:2] if name in COMMANDS)
    sys.exit(run(main, notes=sys.stderr if piped else sys.stdout))
