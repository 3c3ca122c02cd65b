"""Whether a grid that is trained side by side gives the bits of one cell after the other, and when.

    python -m benchmarks.robustness.side_by_side --jobs 2 --seeds 3

Trains the same grid of small cells three times: one after the other; with `--jobs`; and by three
`--worker`s, of which one is killed twice (SIGKILL), in the middle of a cell, and started again.
Compares history.csv except its seconds, metrics.json and predictions.csv of every cell, counts how
often each was trained to its end, and notes the seconds.
"""

import argparse
import csv
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.lib.machine import circumstances
from benchmarks.lib.paths import ROOT
from benchmarks.lib.photos import draw_coloured
from benchmarks.lib.records import script_parser, write
from benchmarks.lib.workers import ENVIRONMENT

FIXED = (
    *("--backbones", "tiny", "--weights", "none", "--recipes", "paper", "--image-size", "32"),
    *("--attentions", "none,mixed", "--shots", "4,8", "--batch-size", "8"),
)
ENDED = "evaluating on "
"""What a cell prints when it has been trained."""


def main() -> None:
    """Trains the grid in three ways, compares, prints and writes."""
    parser = script_parser(__doc__)
    parser.add_argument("--jobs", type=int, default=2, help="cells at a time (default: 2)")
    parser.add_argument("--seeds", type=int, default=3, help="4 cells each (default: 3)")
    parser.add_argument("--epochs", type=int, default=8, help="of a cell (default: 8)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        draw_coloured(folder / "photos", 3, {"train": 8, "test": 4}, ".png")
        seconds = {
            "one after the other": alone(folder, "one", args),
            "jobs": alone(folder, "jobs", args, "--jobs", str(args.jobs)),
            "workers": workers(folder, args),
        }
        first = results(folder / "one")
        differing = {
            way: sorted(cell for cell in first if results(folder / way).get(cell) != first[cell])
            for way in ("jobs", "workers")
        }
        logs = [log.read_text() for log in (folder / "workers").glob("*.log")]
        ended = sum(log.count(ENDED) for log in logs)
    ratio = seconds["one after the other"] / seconds["jobs"]
    record = circumstances(args.note, "tensorflow", "keras", "numpy") | {
        "cells": len(first),
        "jobs": args.jobs,
        "differing": differing,
        "trained_by_workers": ended,
        "seconds": seconds,
        "ratio": ratio,
    }
    print(f"{len(first)} cells, different: {differing}")
    print(f"trained to the end by the workers: {ended}")
    print(f"--jobs {args.jobs}: {ratio:.2f} times as fast as one after the other")
    write("side_by_side", record, args.output)


def start(
    folder: Path, runs: str, log: str, args: argparse.Namespace, *more: str
) -> subprocess.Popen:
    """Starts the command, with its output in a file beside the runs."""
    (folder / runs).mkdir(exist_ok=True)
    words = ["grid", "--dataset", "photos", *FIXED, "--runs", runs, *more]
    words += ["--seeds", str(args.seeds), "--epochs", str(args.epochs)]
    with (folder / runs / log).open("w") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "fgmix", *words],
            cwd=folder,
            env={**os.environ, **ENVIRONMENT, "PYTHONPATH": str(ROOT)},
            stdout=out,
            stderr=out,
        )


def alone(folder: Path, runs: str, args: argparse.Namespace, *more: str) -> float:
    """Runs the command to its end; returns the seconds."""
    began = time.perf_counter()
    code = start(folder, runs, "out.log", args, *more).wait()
    if code:
        raise RuntimeError((folder / runs / "out.log").read_text()[-2000:])
    return time.perf_counter() - began


def workers(folder: Path, args: argparse.Namespace) -> float:
    """Runs three workers, one of them killed twice; returns the seconds."""
    began = time.perf_counter()
    others = [start(folder, "workers", f"{n}.log", args, "--worker") for n in (1, 2)]
    for kills in range(2):
        doomed = start(folder, "workers", f"killed{kills}.log", args, "--worker")
        log = folder / "workers" / f"killed{kills}.log"
        while "Epoch 2/" not in log.read_text() and doomed.poll() is None:
            time.sleep(0.05)
        doomed.kill()
        doomed.wait()
    others.append(start(folder, "workers", "3.log", args, "--worker"))
    codes = [worker.wait() for worker in others]
    if any(codes):
        raise RuntimeError(f"a worker failed: see {folder / 'workers'}")
    return time.perf_counter() - began


def results(runs: Path) -> dict[str, tuple[str, str, str]]:
    """Returns what must be the same of every finished cell, by the cell's name."""
    found = {}
    for metrics in runs.glob("*/metrics.json"):
        run = metrics.parent
        with (run / "history.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            del row["seconds"], row["images_per_second"]
        predictions = (run / "predictions.csv").read_text()
        found[run.name] = (repr(rows), metrics.read_text(), predictions)
    return found


if __name__ == "__main__":
    main()
