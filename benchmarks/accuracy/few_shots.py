"""Accuracy at few shots: fgmix's recipes beside scikit-learn's LogisticRegression.

    python -m benchmarks.accuracy.few_shots --dataset photos/ --weights FILE --shots 5 10 20

Every seed draws other test photos and shots (`--split-seed`). All contenders get the same photos,
weights and image size. LogisticRegression gets the pooled features of the backbone, standardised,
and chooses `C` by cross-validation on the training photos. fgmix runs `train.py` with its default
flags but `--attention`; `strong` is the default recipe. Needs the optional group `peers`.
"""

import argparse
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.lib.commands import run_timed
from benchmarks.lib.datasets import add_dataset, load
from benchmarks.lib.machine import circumstances
from benchmarks.lib.paths import ROOT
from benchmarks.lib.records import Record, markdown, script_parser, write

BASELINE = "LogisticRegression"
STRENGTHS = np.logspace(-5, 1, 7)


def choose_classes(dataset: Any, count: int | None, folder: Path) -> str:
    """Returns a folder of links to the photos of some classes, drawn at random."""
    from fgmix.data.dataset import concatenate

    names = np.array(dataset.class_names)
    chosen = np.sort(np.random.default_rng(0).permutation(len(names))[:count])
    whole = concatenate(list(dataset.splits.values()))
    for path, label in zip(whole.paths, whole.labels, strict=True):
        if label in chosen:
            link = folder / f"{label:04d}" / path.replace("/", "_")
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to((dataset.root / path).resolve())
    return str(folder)


def settings(args: argparse.Namespace, dataset: str, shots: int, seed: int) -> dict[str, Any]:
    """Returns the settings that all contenders share."""
    return {
        "dataset": dataset,
        "backbone": args.backbone,
        "weights": args.weights,
        "image_size": args.image_size,
        "shots": shots,
        "split_seed": seed,
        "attention": args.attention,
    }


def run_fgmix(common: dict[str, Any], recipe: str, scratch: Path) -> dict[str, float]:
    """Trains a recipe in a process of its own, and returns accuracy and minutes."""
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        flags = {**common, "recipe": recipe, "run_dir": str(Path(folder) / "run")}
        words = [w for name, v in flags.items() for w in (f"--{name.replace('_', '-')}", str(v))]
        command = [sys.executable, str(ROOT / "train.py"), *words]
        _, times = run_timed(command, scratch / "tfds")
        metrics = json.loads((Path(folder) / "run" / "metrics.json").read_text())
    return {"top1": metrics["top1"], "loss": metrics["loss"], "minutes": times["seconds"] / 60}


def run_baseline(common: dict[str, Any], scratch: Path) -> dict[str, float]:
    """Fits LogisticRegression to the features that fgmix has stored, and measures it."""
    from sklearn.linear_model import LogisticRegressionCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from fgmix.config.train_config import TrainConfig
    from fgmix.models.split import split_model
    from fgmix.runs.images import load_splits
    from fgmix.training.frozen.features import mean_features, provide_features
    from fgmix.training.trainer import build_model

    config = TrainConfig(**common, recipe="frozen").resolve()
    config = replace(config, attention="none", feature_maps="last")
    dataset = load_splits(config)
    backbone = split_model(build_model(config, len(dataset.class_names), "float32")).backbone
    stored = provide_features(
        backbone,
        dataset,
        name=config.backbone,
        augmentation="none",
        wanted={"train": 1, "test": 1},
    )
    means = {split: mean_features(*stored[split, 0]) for split in ("train", "test")}
    labels = {split: dataset.splits[split].labels for split in means}
    folds = min(3, int(np.bincount(labels["train"]).min()))
    fit = make_pipeline(
        StandardScaler(), LogisticRegressionCV(Cs=STRENGTHS, cv=folds, max_iter=2000)
    )
    fit.fit(means["train"], labels["train"])
    return {
        "top1": float(fit.score(means["test"], labels["test"])),
        "train_photos": len(labels["train"]),
        "test_photos": len(labels["test"]),
    }


def table(record: Record) -> str:
    """Returns the table of mean accuracies by shots, and their lead over the baseline."""
    shots = sorted({row["shots"] for row in record["rows"]})
    contenders = list(dict.fromkeys(row["contender"] for row in record["rows"]))
    found = {
        (c, s): [r for r in record["rows"] if (r["contender"], r["shots"]) == (c, s)]
        for c in contenders
        for s in shots
    }
    mean = {key: 100 * np.mean([row["top1"] for row in rows]) for key, rows in found.items()}
    rows = []
    for contender in contenders:
        cells = [f"{mean[contender, s]:.1f}" for s in shots]
        leads = [mean[contender, s] - mean[BASELINE, s] for s in shots]
        minutes = [row["minutes"] for s in shots for row in found[contender, s] if "minutes" in row]
        lead = f"{np.mean(leads):+.1f} ({min(leads):+.1f})" if contender != BASELINE else ""
        slowest = f"{max(minutes):.1f}" if minutes else ""
        rows.append([contender, *cells, lead, slowest])
    head = ["", *(f"{s} shots" for s in shots), "mean lead (least)", "most minutes"]
    first = found[BASELINE, shots[0]][0]
    return markdown(head, rows) + (
        f"\nTop-1 %, mean of {len(found[BASELINE, shots[0]])} draws. `{record['dataset']}`, "
        f"{record['classes']} classes, {first['test_photos']} test photos a draw; "
        f"`{record['backbone']}`, attention `{record['attention']}`, {record['image_size']} px.\n"
    )


def main() -> None:
    """Runs every contender with every seed and number of shots, and writes after each."""
    parser = script_parser(__doc__, variant=True)
    add_dataset(parser)
    parser.add_argument("--classes", type=int, help="take this many classes, drawn at random")
    parser.add_argument("--attention", default="mixed")
    parser.add_argument("--recipes", nargs="+", default=["frozen", "strong"])
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--shots", type=int, nargs="+", default=[5, 10, 20])
    parser.add_argument("--seeds", type=int, default=1)
    args = parser.parse_args()
    whole = load(args)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        dataset = choose_classes(whole, args.classes, scratch / "photos")
        for seed in range(args.seeds):
            for shots in args.shots:
                common = settings(args, dataset, shots, seed)
                for contender in (BASELINE, *args.recipes):
                    if contender == BASELINE:
                        found = run_baseline(common, scratch)
                    else:
                        found = run_fgmix(common, contender, scratch)
                    rows.append({"contender": contender, "shots": shots, "seed": seed, **found})
                    print(rows[-1], flush=True)
                record = {
                    **circumstances(args.note, "tensorflow", "keras", "numpy", "scikit-learn"),
                    "dataset": whole.name,
                    "classes": args.classes or len(whole.class_names),
                    **{k: getattr(args, k) for k in ("backbone", "attention", "image_size")},
                    "rows": rows,
                }
                write("few_shots", record, args.output, args.variant)
    print(table(record))


if __name__ == "__main__":
    main()
