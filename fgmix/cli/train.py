"""`fgmix train`: trains, evaluates and exports one classifier."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from fgmix.backend import import_tensorflow
from fgmix.cli.parser import Parser, add_flags
from fgmix.config.recipes import describe_recipes
from fgmix.config.train_config import TrainConfig
from fgmix.console import say
from fgmix.invocation import command
from fgmix.runs.record import read_config
from fgmix.workflows.checks import check_training

EXAMPLES = """examples:
  fgmix train --dataset demo
  fgmix train --dataset cars --data-dir DIR --attention mixed --recipe strong
  fgmix train --dataset photos/ --backbone mobilenet_v2 --recipe strong --epochs 20
  fgmix train --dataset labels.csv --columns path=file,label=species --data-dir photos/
  fgmix train --dataset photos/ --shots 5
  fgmix train --dataset photos/ --folds 5 --fold 0
  fgmix train --config saved_models/RUN/config.json --seed 1

Flags take precedence over the data set's preset (demo), which takes precedence over the recipe.
"""


def make_parser() -> Parser:
    """Returns the parser of the flags."""
    parser = Parser(
        "train",
        description="Trains a fine-grained image classifier with channel, spatial or mixed "
        "attention, evaluates it on the test photos and writes a model to serve.",
        epilog=f"{describe_recipes()}\n\n{EXAMPLES}",
    )
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="train with the settings in this file: the config.json of a run, to train it again, "
        "or a JSON file of your own; flags take precedence",
    )
    add_flags(parser, TrainConfig)
    return parser


def main(argv: list[str]) -> int:
    """Parses the flags, trains, and prints the metrics and the run's folder."""
    given = vars(make_parser().parse_args(argv))
    file = given.pop("config")
    config = read_config(file, given) if file else TrainConfig(**{"dataset": None} | given)
    check_training(config)

    import_tensorflow(any_backend=True)
    from fgmix.evaluation.metrics import summarize
    from fgmix.training.determinism import make_deterministic
    from fgmix.training.interrupts import Interrupted
    from fgmix.workflows.train_and_evaluate import train

    make_deterministic()
    try:
        result = train(config)
    except Interrupted as stopped:
        say(f"{stopped}; continue with\n  {resume_command(argv)}", file=sys.stderr)
        return 128 + stopped.number
    say(summarize(result.metrics, config.measured_split))
    say(f"run: {result.directory} (serve it: model_base_path={result.directory.absolute()})")
    return 0


def resume_command(argv: Sequence[str]) -> str:
    """Returns the command line that resumes a run, from the arguments that started it."""
    kept = [arg for arg in argv if arg not in ("--overwrite", "--resume")]
    return f"{command('train')} {shlex.join([*kept, '--resume'])}"
