"""`train.py`: train, evaluate and export one classifier."""

import shlex
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from fgmix.cli.main import import_tensorflow
from fgmix.cli.parser import Parser, add_flags
from fgmix.config.recipes import PRESETS, RECIPES, Recipe
from fgmix.config.train_config import TrainConfig

EXAMPLES = """examples:
  python train.py --dataset demo
  python train.py --dataset cars --data-dir DIR --attention mixed --recipe strong
  python train.py --dataset photos/ --backbone mobilenet_v2 --recipe strong --epochs 20
  python train.py --dataset photos/ --shots 5
  python train.py --dataset photos/ --folds 5 --fold 0

A flag beats the data set's preset (demo), which beats the recipe.
"""


def describe_recipes() -> str:
    """A table of what each recipe and preset sets, for `--help`."""
    lines = [f"{'recipe':<18}" + "".join(f"{name:<22}" for name in RECIPES)]
    for f in fields(Recipe):
        if f.name != "summary":
            row = [str(getattr(recipe, f.name)) for recipe in RECIPES.values()]
            lines.append(f"  {f.name:<16}" + "".join(f"{value:<22}" for value in row))
    for dataset, preset in PRESETS.items():
        values = " ".join(f"--{k.replace('_', '-')} {v}" for k, v in preset.items())
        lines.append(f"\ndata set {dataset}: {values}")
    return "\n".join(lines)


def main(argv: list[str]) -> int:
    """Parses the flags, trains, and says where the run lies and how good it is."""
    parser = Parser(
        prog="train.py",
        description="Trains a fine-grained image classifier with channel, spatial or mixed "
        "attention, evaluates it on the test photos and writes a model to serve.",
        epilog=f"{describe_recipes()}\n\n{EXAMPLES}",
    )
    add_flags(parser, TrainConfig)
    args = parser.parse_args(argv)
    config = TrainConfig(**{f.name: getattr(args, f.name) for f in fields(TrainConfig)})
    config.resolve()  # a wrong value is told before TensorFlow is imported

    import_tensorflow(any_backend=True)
    from fgmix.evaluation.metrics import summarize
    from fgmix.training.determinism import make_deterministic
    from fgmix.training.interrupts import Stopped
    from fgmix.workflows.train_and_evaluate import train

    make_deterministic()
    try:
        result = train(config)
    except Stopped as stopped:
        print(f"{stopped}; go on with\n  {resume_command(argv)}", file=sys.stderr)
        return 128 + stopped.number
    print(summarize(result.metrics, config.measured_split))
    print(f"run: {result.directory} (serve it: model_base_path={result.directory.absolute()})")
    return 0


def resume_command(argv: Sequence[str]) -> str:
    """The command line that goes on with a run, from the arguments that began it."""
    program = "train.py" if Path(sys.argv[0]).name == "train.py" else "-m fgmix train"
    kept = [arg for arg in argv if arg not in ("--overwrite", "--resume")]
    return f"python {program} {shlex.join([*kept, '--resume'])}"
