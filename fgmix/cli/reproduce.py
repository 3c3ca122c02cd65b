"""`fgmix reproduce`: trains the paper's grid of runs; writes its tables and figures."""

import logging
from collections import Counter
from pathlib import Path
from typing import Any

from fgmix.backend import import_tensorflow
from fgmix.cli.main import show_notes
from fgmix.cli.parser import Parser, add_flags
from fgmix.config.fields import flags_of
from fgmix.config.train_config import TrainConfig
from fgmix.console import say
from fgmix.errors import FgmixError
from fgmix.reproduction.estimate import Estimate, duration
from fgmix.reproduction.grid import run_grid, state
from fgmix.reproduction.output import results_name, write_results
from fgmix.reproduction.plan import plan_grid
from fgmix.reproduction.tables import plan_lines, table_two

log = logging.getLogger(__name__)

EXAMPLES = """examples:
  fgmix reproduce --dataset cars --seeds 3 --dry-run        # show the plan
  fgmix reproduce --dataset cars,aircraft --seeds 3 --monitor-test
  fgmix reproduce --dataset cars --attentions spatial,mixed --gates linear,sigmoid,softmax
  fgmix reproduce --dataset cars --attentions none,mixed,conv,cbam
  fgmix reproduce --dataset photos/ --backbones mobilenet_v2 --recipe strong --epochs 20

Each cell is a run in --runs, as fgmix train makes it. Finished runs are skipped and interrupted
ones resumed: repeat the command after Ctrl-C, a crash or a failure. A cell that fails doesn't stop
the others; the exit code is then 1.
"""

OWN = ("dataset", "attention", "gate", "backbone", "weights", "seed", "folds", "fold")
"""Fields without a flag of their own: the grid sets them, and Table II has no folds."""
PER_RUN = ("run_dir", "overwrite", "resume")


def main(argv: list[str]) -> int:
    """Parses the flags, trains the unfinished cells of the grid, and writes its results."""
    parser = make_parser()
    args = parser.parse_args(argv)
    if not args.dataset:
        raise FgmixError("--dataset is missing: give cars, or several names separated by commas")
    # The name of a folder or table may contain a comma.
    is_place = Path(args.dataset).exists()
    datasets = [args.dataset] if is_place else _names(args.dataset)
    if len(datasets) > 1 and "data_dir" in args:
        raise FgmixError("--data-dir is for one data set: give one --dataset, or leave it out")
    weights, by_backbone = _weights(args.weights)
    names = {f.name for f in flags_of(TrainConfig)} - {*OWN, *PER_RUN}
    shared: dict[str, Any] = {k: value for k, value in vars(args).items() if k in names}
    shared["weights"] = weights
    cells = plan_grid(
        TrainConfig(dataset=datasets[0], **shared),
        datasets=datasets,
        backbones=_names(args.backbones),
        attentions=_names(args.attentions),
        gates=_names(args.gates),
        seeds=args.seeds,
        weights=by_backbone,
        runs=args.runs,
    )
    states = {cell: state(cell) for cell in cells}
    left = [cell for cell, s in states.items() if s.status in ("unfinished", "not run")]
    counts = Counter(s.status for s in states.values())
    told = ", ".join(f"{n} {status}" for status, n in counts.items())
    log.info("%d cells: %s", len(cells), told)
    if left:
        log.info("%d to train, %s", len(left), duration(Estimate(cells).left(left)))
    if args.dry_run:
        say("\n".join(plan_lines(states)))
        return 0
    grid = {name: getattr(args, name) for name in ("backbones", "attentions", "gates")}
    changed = [value for name, value in grid.items() if value != parser.get_default(name)]
    dataset = cells[0].config.dataset_name if is_place else args.dataset
    output = args.output or args.runs / results_name(dataset, changed, cells[0].config)
    for folder in (args.runs, output):  # fails now, not after hours of training
        _make_folder(folder)
    try:
        states = run_grid(cells, _train, lambda now: write_results(output, now))
    except KeyboardInterrupt:
        log.info("stopped; repeat the command to continue")
        return 130
    write_results(output, states)
    say(f"\n{table_two(states)}\ntables and plots: {output}")
    return 1 if any(s.status == "failed" for s in states.values()) else 0


def make_parser() -> Parser:
    """Returns the parser of the flags."""
    parser = Parser(
        "reproduce",
        description="Trains every combination of data set, backbone, attention and seed, and "
        "writes the paper's Tables I and II and Fig. 2 with the results beside the paper's.",
        epilog=EXAMPLES,
    )
    grid = parser.add_argument_group("the grid (lists are separated by commas)")
    grid.add_argument(
        "--dataset", metavar="LIST", help="cars, aircraft, a folder, a table ... (required)"
    )
    grid.add_argument(
        "--backbones",
        metavar="LIST",
        default="vgg16_bn,resnet50_torch",
        help="default: the paper's, vgg16_bn,resnet50_torch",
    )
    grid.add_argument(
        "--attentions",
        metavar="LIST",
        default="none,channel,spatial,mixed",
        help="default: the paper's, none,channel,spatial,mixed; controls: conv, cbam",
    )
    grid.add_argument(
        "--gates",
        metavar="LIST",
        default="linear",
        help="gates to try on spatial and mixed: linear, sigmoid, softmax (default: linear)",
    )
    grid.add_argument(
        "--seeds", type=int, default=3, metavar="N", help="number of seeds, from 0 (default: 3)"
    )
    grid.add_argument(
        "--weights",
        metavar="LIST",
        help="imagenet (default), none or a file for all backbones, or BACKBONE=VALUE,...",
    )
    grid.add_argument(
        "--runs",
        type=Path,
        default=Path("saved_models"),
        metavar="DIR",
        help="folder of the runs (default: saved_models)",
    )
    grid.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="folder for tables and plots (default: RUNS/reproduce-DATASET)",
    )
    grid.add_argument("--dry-run", action="store_true", help="show the plan, train nothing")
    add_flags(parser, TrainConfig, without=OWN + PER_RUN)
    return parser


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _weights(text: str | None) -> tuple[str | None, dict[str, str]]:
    """Splits `--weights` into a value for all backbones and values for single ones."""
    shared: list[str] = []
    by_backbone: dict[str, str] = {}
    for value in _names(text or ""):
        backbone, equals, own = value.partition("=")
        if not equals or "/" in backbone:  # a path may contain an equals sign
            shared.append(value)
        elif not own or backbone in by_backbone:
            raise FgmixError(f"--weights {text}: give {backbone} one value")
        else:
            by_backbone[backbone] = own
    if len(shared) > 1:
        raise FgmixError(f"--weights {text}: give one value for all, or BACKBONE=VALUE,...")
    return (shared[0] if shared else None), by_backbone


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FgmixError(f"can't make the folder {folder}: {error.strerror}") from error


def _train(config: TrainConfig) -> None:
    """Trains one cell, in its own process."""
    show_notes()
    import_tensorflow(any_backend=True)
    from fgmix.training.determinism import make_deterministic
    from fgmix.workflows.train_and_evaluate import train

    make_deterministic()
    train(config)
