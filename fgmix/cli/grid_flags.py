"""What `grid` and `reproduce` have in common: flags, the plan, and the training of its cells."""

import argparse
import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from fgmix.backend import import_tensorflow
from fgmix.cli.main import show_notes
from fgmix.cli.parser import Parser, add_flags
from fgmix.config.fields import flags_of
from fgmix.config.train_config import TrainConfig
from fgmix.console import say
from fgmix.errors import FgmixError
from fgmix.files import alone
from fgmix.grid.agreement import agree
from fgmix.grid.claims import Claims
from fgmix.grid.estimate import Estimate, duration
from fgmix.grid.plan import Cell, plan_grid
from fgmix.grid.process import Slot
from fgmix.grid.resources import refuse_too_many, slots
from fgmix.grid.results import Write, plan_lines, write_together
from fgmix.grid.run import run_grid
from fgmix.grid.slurm import CellJob, submit
from fgmix.grid.state import FAILED, NOT_RUN, UNFINISHED, claims_folder, state
from fgmix.training.interrupts import interrupts_raised

log = logging.getLogger(__name__)

MANY = """
Each cell is a run in --runs, as fgmix train makes it. Finished runs are skipped and interrupted
ones resumed: repeat the command after Ctrl-C, a crash or a failure. A cell that fails doesn't stop
the others; the exit code is then 1. With --dry-run the same flags show how far a grid is.
"""
PER_RUN = ("run_dir", "overwrite", "resume")
SUBMITIT = "submitit"


def add_grid_flags(parser: Parser, backbones: str | None, attentions: str) -> Any:
    """Adds the flags of the axes that every grid has; returns their group.

    Args:
        parser: The parser.
        backbones: The default of `--backbones`; None is the one of `fgmix train`.
        attentions: The default of `--attentions`.
    """
    grid = parser.add_argument_group("the grid (lists are separated by commas)")
    grid.add_argument(
        "--dataset", metavar="LIST", help="cars, aircraft, a folder, a table ... (required)"
    )
    grid.add_argument(
        "--backbones",
        metavar="LIST",
        default=backbones,
        help=f"default: {backbones or 'that of fgmix train'}",
    )
    grid.add_argument(
        "--attentions",
        metavar="LIST",
        default=attentions,
        help=f"default: {attentions}; controls: conv, cbam",
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
    return grid


def add_run_flags(parser: Parser, without: Sequence[str]) -> None:
    """Adds the flags that say how a grid is trained, and those of `fgmix train`.

    Args:
        parser: The parser.
        without: The fields of `TrainConfig` that the grid sets.
    """
    many = parser.add_argument_group("many cells at a time")
    many.add_argument(
        "--jobs",
        type=int,
        metavar="N",
        help="train N cells at a time, each on its own GPU, or on its share of the cores; with "
        "--launcher, the most jobs at a time (default: one cell after the other)",
    )
    many.add_argument(
        "--worker",
        action="store_true",
        help="help to train a grid: start this on any hosts that share --runs, as often as you "
        "like; each worker takes the next cell that no other has",
    )
    many.add_argument(
        "--retry",
        action="store_true",
        help="with --worker: also try cells that have failed; without it a grid always does",
    )
    many.add_argument(
        "--launcher",
        choices=[SUBMITIT],
        metavar=SUBMITIT,
        help="submit every cell as a Slurm job, and end; preempted jobs are requeued and resumed "
        "exactly (pip install 'fgmix[submitit]')",
    )
    many.add_argument(
        "--slurm",
        metavar="LIST",
        help="with --launcher, what jobs ask for, by submitit's names: "
        "slurm_partition=gpu,timeout_min=600 (default: 1 GPU, 8 cores, a day)",
    )
    places = parser.add_argument_group("places")
    places.add_argument(
        "--runs",
        type=Path,
        default=Path("saved_models"),
        metavar="DIR",
        help="folder of the runs (default: saved_models)",
    )
    places.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help=f"folder for the results (default: RUNS/{parser.prog.split()[-1]}-DATASET...)",
    )
    places.add_argument("--dry-run", action="store_true", help="show the plan, train nothing")
    add_flags(parser, TrainConfig, without=(*without, *PER_RUN))


def plan(args: argparse.Namespace, own: Sequence[str], **axes: Any) -> tuple[list[Cell], str]:
    """Returns the cells that the flags ask for, and the data sets' name.

    Args:
        args: The parsed flags.
        own: The fields of `TrainConfig` that the grid sets.
        **axes: Further arguments of `plan_grid`.
    """
    check_running(args)
    if not args.dataset:
        raise FgmixError("--dataset is missing: give cars, or several names separated by commas")
    # The name of a folder or table may contain a comma.
    is_place = Path(args.dataset).exists()
    datasets = [args.dataset] if is_place else names_in(args.dataset)
    if len(datasets) > 1 and "data_dir" in args:
        raise FgmixError("--data-dir is for one data set: give one --dataset, or leave it out")
    weights, by_backbone = _weights(args.weights)
    fields = {f.name for f in flags_of(TrainConfig)} - {*own, *PER_RUN}
    shared: dict[str, Any] = {k: value for k, value in vars(args).items() if k in fields}
    shared["weights"] = weights
    cells = plan_grid(
        TrainConfig(dataset=datasets[0], **shared),
        datasets=datasets,
        backbones=names_in(args.backbones) if args.backbones else [None],
        attentions=names_in(args.attentions),
        gates=names_in(args.gates),
        seeds=args.seeds,
        weights=by_backbone,
        runs=args.runs,
        **axes,
    )
    return cells, cells[0].config.dataset_name if is_place else args.dataset


def check_running(args: argparse.Namespace) -> None:
    """Checks the flags that say how a grid is trained, together."""
    if args.launcher and args.worker:
        raise FgmixError("--worker and --launcher exclude each other: each job is a worker")
    if args.slurm and not args.launcher:
        raise FgmixError("--slurm needs --launcher submitit")
    _slurm(args.slurm)
    if args.retry and not args.worker:
        raise FgmixError("--retry is for --worker: without it, cells that failed are tried again")
    if args.jobs is not None and args.jobs < 1:
        raise FgmixError(f"--jobs {args.jobs}: must be at least 1")
    if "coordinator" in args and (args.worker or args.launcher or (args.jobs or 1) > 1):
        raise FgmixError(
            "--coordinator trains one cell on several hosts: leave out --jobs, --worker and "
            "--launcher"
        )


def train_cells(args: argparse.Namespace, cells: Sequence[Cell], output: Path, write: Write) -> int:
    """Shows the plan, or trains the cells that are not finished, as the flags say.

    Args:
        args: The parsed flags.
        cells: The grid.
        output: The folder of its results.
        write: Writes the results to a folder; a module-level function.

    Returns:
        The exit code.
    """
    states = {cell: state(cell) for cell in cells}
    left = [cell for cell, s in states.items() if s.status in (UNFINISHED, NOT_RUN)]
    counts = Counter(s.status for s in states.values())
    log.info("%d cells: %s", len(cells), ", ".join(f"{n} {status}" for status, n in counts.items()))
    jobs = args.jobs or 1
    if left:
        seconds = Estimate(cells).left(left)
        log.info("%d to train, %s", len(left), duration(seconds and seconds / jobs))
    if args.dry_run:
        say("\n".join(plan_lines(states)))
        return 0
    places: list[Slot] = [Slot()]
    if not args.launcher:
        places = slots(jobs)
        refuse_too_many(jobs, [cell.config for cell in cells if cell in left])
    logs = output / "logs" if jobs > 1 else None
    for folder in filter(None, (args.runs, output, logs)):  # now, not after hours of training
        _make_folder(folder)
    claims = Claims(claims_folder(cells[0]), output.name)
    for owner in {owner.grid: owner for owner in claims.owners().values()}.values():
        if owner.grid != output.name:
            log.info(
                "%s trains another grid in %s: %s (this one is %s); workers of one grid take "
                "the same flags",
                *(owner.host, args.runs, owner.grid, output.name),
            )

    busy = f"{output} is being made by another launcher: wait for it, or help it with --worker"
    with nullcontext() if args.worker else alone(output / "launcher", busy):
        agree(output, cells, claims, joins=args.worker)
        if args.launcher:
            job = CellJob(cells, train_cell, write, output)
            submit(job, states, _slurm(args.slurm), args.jobs)
            say(f"tables, after each cell: {output}; the same flags with --dry-run show the plan")
            return 0
        return _train(args, cells, places, logs, output, write)


def _train(
    args: argparse.Namespace,
    cells: Sequence[Cell],
    places: Sequence[Slot],
    logs: Path | None,
    output: Path,
    write: Write,
) -> int:
    if logs:
        log.info("%d at a time; they print to %s", len(places), logs)
    retry = args.retry or not args.worker
    try:
        with interrupts_raised():
            states = run_grid(
                cells,
                train_cell,
                lambda now: write_together(write, output, now),
                slots=places,
                retry=retry,
                logs=logs,
                grid=output.name,
            )
    except KeyboardInterrupt:
        log.info("stopped; repeat the command to continue")
        return 130
    say(f"\n{write_together(write, output, states)}\ntables and plots: {output}")
    failed = [cell for cell, s in states.items() if s.status == FAILED]
    if failed and not retry:
        log.info("%d failed: --retry tries them again", len(failed))
    return 1 if failed else 0


def train_cell(config: TrainConfig) -> None:
    """Trains one cell, in its own process."""
    show_notes()
    import_tensorflow(any_backend=True)
    from fgmix.training.determinism import make_deterministic
    from fgmix.workflows.train_and_evaluate import train

    make_deterministic()
    train(config)


def names_in(text: str | None) -> list[str]:
    """Returns the names in a list that is separated by commas."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def _weights(text: str | None) -> tuple[str | None, dict[str, str]]:
    """Splits `--weights` into a value for all backbones and values for single ones."""
    shared: list[str] = []
    by_backbone: dict[str, str] = {}
    for value in names_in(text):
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


def _slurm(text: str | None) -> dict[str, Any]:
    """Returns the parameters in `--slurm`, numbers as numbers."""
    found: dict[str, Any] = {}
    for part in names_in(text):
        name, equals, value = part.partition("=")
        if not equals:
            raise FgmixError(f"--slurm {part}: give NAME=VALUE, such as timeout_min=600")
        found[name] = int(value) if value.isdecimal() else value
    return found


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FgmixError(f"can't make the folder {folder}: {error.strerror}") from error
