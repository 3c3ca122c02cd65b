"""A table of finished runs: accuracy, time, and each run against the first on the same photos.

    python benchmarks/attention_table.py saved_models/RUN ... --output benchmarks/results/NAME.json

Prints Markdown, and writes the same numbers as JSON with settings, machine and library versions, so
that a table in a document can be traced to what was run. No image leaves the runs.
"""

import argparse
import json
from datetime import date
from pathlib import Path

import numpy as np
from machine import processor

from fgmix.comparison.statistics import mcnemar
from fgmix.files import read_csv
from fgmix.runs.record import HISTORY, METRICS, read_record
from fgmix.runs.results import read_run

PLACES = {"dataset", "data_dir", "run_dir", "weights", "overwrite", "resume"}


def read(run: Path) -> dict:
    """One run's row."""
    record = read_record(run)
    if record is None:
        raise SystemExit(f"{run} is not a run")
    metrics = json.loads((run / METRICS).read_text())
    history = read_csv(run / HISTORY)
    n, top1 = metrics["num_examples"], metrics["top1"]
    config = record["config"]
    return {
        "attention": config["attention"],
        "augmentation": config["augmentation"],
        "seed": config["seed"],
        "top1": top1,
        "standard_error": (top1 * (1 - top1) / n) ** 0.5,
        "top5": metrics["top5"],
        "mean_per_class": metrics["mean_per_class"],
        "loss": metrics["loss"],
        "num_examples": n,
        "train_accuracy": float(history[-1]["accuracy"]),
        "minutes": sum(float(row["seconds"]) for row in history) / 60,
        "weights": Path(config["weights"]).name,
        "config": {k: v for k, v in config.items() if k not in PLACES},
        "recipe": record["recipe"],
        "data": {k: v for k, v in record["data"].items() if k != "root"},
        "versions": record["versions"],
    }


def compare(run: Path, baseline: Path) -> dict[str, float]:
    """How two runs differ photo by photo: McNemar's exact test on the same test photos."""
    one, other = read_run(run), read_run(baseline)
    if one.paths != other.paths:
        raise SystemExit(f"{run} and {baseline} were not tested on the same photos")
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
    parser.add_argument("--output", type=Path)
    args = parser.parse_args()
    rows = [read(run) for run in args.runs]
    print(
        "| attention | augmentation | top-1 % | top-5 % | loss | against the first, points | p "
        "| minutes |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for run, row in zip(args.runs, rows, strict=True):
        against = ["", ""]
        if run != args.runs[0]:
            row["against_first"] = versus = compare(run, args.runs[0])
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
