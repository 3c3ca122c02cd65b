"""A table of finished runs: accuracy, time, and each run against the first on the same photos.

    python -m benchmarks.accuracy.attention_table RUN ... --output benchmarks/results/NAME.json

Prints Markdown, and writes the same numbers as JSON with settings, machine and library versions, so
that a table in a document can be traced to its runs. It contains no images.
"""

import argparse
import json
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.lib.machine import processor
from fgmix.comparison.statistics import mcnemar

if TYPE_CHECKING:
    from fgmix.runs.run import Run

PLACES = {"dataset", "data_dir", "run_dir", "weights", "overwrite", "resume"}


def read(run: "Run") -> dict[str, Any]:
    """Returns the row of one run."""
    config, metrics, history = run.config, run.metrics, run.history
    n, top1 = metrics["num_examples"], metrics["top1"]
    return {
        "attention": config.attention,
        "augmentation": config.augmentation,
        "seed": config.seed,
        "top1": top1,
        "standard_error": (top1 * (1 - top1) / n) ** 0.5,
        "top5": metrics["top5"],
        "mean_per_class": metrics["mean_per_class"],
        "loss": metrics["loss"],
        "num_examples": n,
        "train_accuracy": float(history[-1]["accuracy"]),
        "minutes": sum(float(row["seconds"]) for row in history) / 60,
        "weights": Path(config.weights).name,
        "config": {k: v for k, v in run.record["config"].items() if k not in PLACES},
        "data": {k: v for k, v in run.data.items() if k != "root"},
        "versions": run.versions,
    }


def compare(run: "Run", baseline: "Run") -> dict[str, float]:
    """Compares two runs by McNemar's exact test on the same test images."""
    one, other = run.predictions, baseline.predictions
    if one.paths != other.paths:
        raise SystemExit(
            f"{run.directory} and {baseline.directory} were not tested on the same photos"
        )
    found = mcnemar(*(np.array(r.predicted) == np.array(r.labels) for r in (one, other)))
    return {
        "difference": found.mean,
        "gained": int(found.gained),
        "lost": int(found.lost),
        "p_value": found.p_value,
    }


def main() -> None:
    """Reads the runs, prints the table and writes the record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path, help="the first is the baseline")
    parser.add_argument("--output", type=Path, help="the record: results/NAME.json")
    args = parser.parse_args()
    from fgmix.runs.run import Run

    runs = [Run.open(folder) for folder in args.runs]
    rows = [read(run) for run in runs]
    print(
        "| attention | augmentation | top-1 % | top-5 % | loss | against the first, points | p "
        "| minutes |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for run, row in zip(runs, rows, strict=True):
        against = ["", ""]
        if run is not runs[0]:
            row["against_first"] = versus = compare(run, runs[0])
            against = [f"{100 * versus['difference']:+.1f}", f"{versus['p_value']:.2f}"]
        cells = [
            f"`{row['attention']}`",
            f"`{row['augmentation']}`",
            f"{100 * row['top1']:.1f} ± {100 * row['standard_error']:.1f}",
            f"{100 * row['top5']:.1f}",
            f"{row['loss']:.3f}",
            *against,
            f"{row['minutes']:.0f}",
        ]
        print(f"| {' | '.join(cells)} |")
    if args.output:
        record = {"date": str(date.today()), "machine": processor(), "runs": rows}
        args.output.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
