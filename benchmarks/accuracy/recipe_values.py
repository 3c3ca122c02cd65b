"""Which values a recipe should have: tried on validation photos, never on test photos.

    python -m benchmarks.accuracy.recipe_values --recipe strong --data-dir DIR --weights FILE
    python -m benchmarks.accuracy.recipe_values --recipe strong ... --base "ema 0.99" --rows base
    python -m benchmarks.accuracy.recipe_values --recipe frozen ... --rows base "288 px"

Every row changes one thing of the base: the recipe as it is, or with the changes of those rows
that `--base` names. The training photos of Cars are divided by each of `--split-seeds`, four
fifths to train on and one to measure; a row's accuracy is the mean of them after the last epoch.
Beside recipe `frozen`, whose features are computed once for each image size, stands scikit-learn's
LogisticRegression on the standardised means of the plain features.

It takes hours. Whenever it is stopped, even killed, the same command continues: a row that the
record has is not trained again, and a training that was begun is resumed at its last checkpoint.
Entries of the record without `circumstances` are of earlier versions of this script, which the
head of the record describes; some tried what fgmix no longer has.
"""

import argparse
import hashlib
import json
import logging
import shutil
import tempfile
import time
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.lib.machine import circumstances
from benchmarks.lib.records import script_parser
from fgmix.backend import import_tensorflow
from fgmix.config.recipes import Recipe
from fgmix.config.train_config import TrainConfig

if TYPE_CHECKING:
    from fgmix.data.dataset import ImageDataset

SCRATCH = Path(tempfile.gettempdir()) / "fgmix-recipe-values"
PEER = "LogisticRegression"
ROWS: dict[str, dict[str, dict[str, Any]]] = {
    "strong": {
        "base": {},
        "plain crops": {"augmentation": "random_resized_crop"},
        "trivial": {"augmentation": "trivial"},
        "ema 0.99": {"ema": 0.99},
        "ema 0.998": {"ema": 0.998},
        "frozen bn": {"bn": "frozen"},
        "whole": {"frozen_stride": 0},
        "from stride 4": {"frozen_stride": 4},
        "from stride 8": {"frozen_stride": 8},
        "from stride 16": {"frozen_stride": 16},
        "one size": {"progressive_share": 0.0, "progressive_scale": 1.0},
        "small 0.6 x 0.57": {"progressive_share": 0.6, "progressive_scale": 0.57},
        "small 0.8 x 0.57": {"progressive_share": 0.8, "progressive_scale": 0.57},
        "small 0.8 x 0.72": {"progressive_share": 0.8, "progressive_scale": 0.72},
        "no smoothing": {"label_smoothing": 0.0},
        "smoothing 0.2": {"label_smoothing": 0.2},
        "dropout 0.2": {"dropout": 0.2},
        "dropout 0.5": {"dropout": 0.5},
        "backbone 1e-4": {"backbone_lr": 1e-4},
        "backbone 3e-4": {"backbone_lr": 3e-4},
        "backbone 2e-3": {"backbone_lr": 2e-3},
        "head 3e-3": {"head_lr": 3e-3},
        "decay 0.005": {"weight_decay": 0.005},
        "decay 0.2": {"weight_decay": 0.2},
        "warm-up 3": {"warmup_epochs": 3},
        "batch 16": {"batch_size": 16},
        "batch 64": {"batch_size": 64},
        "bn before": {"head_bn": "both"},
    },
    "frozen": {
        PEER: {},
        "base": {},
        "1 view": {"views": 1},
        "4 views": {"views": 4},
        "no dropout": {"dropout": 0.0},
        "dropout 0.7": {"dropout": 0.7},
        "bn after": {"head_bn": "after"},
        "decay 0.05": {"weight_decay": 0.05},
        "decay 1": {"weight_decay": 1.0},
        "no dropout, decay 0.05": {"dropout": 0.0, "weight_decay": 0.05},
        "no smoothing": {"label_smoothing": 0.0},
        "head 3e-4": {"head_lr": 3e-4},
        "head 3e-3": {"head_lr": 3e-3},
        "15 epochs": {"epochs": 15},
        "160 px": {"image_size": 160},
        "288 px": {"image_size": 288},
        "320 px": {"image_size": 320},
        "288 px, 4 views": {"image_size": 288, "views": 4},
    },
}
"""What differs from the base, by recipe and by the row's name: settings of `TrainConfig`."""
DEFAULTS: dict[str, dict[str, Any]] = {
    "strong": {"epochs": 12, "image_size": 160, "split_seeds": [0]},
    "frozen": {"epochs": None, "image_size": 224, "split_seeds": [0, 1]},
}


def main() -> None:
    """Trains what is missing, prints the table as it grows and keeps the record."""
    args = parse()
    import_tensorflow()
    from fgmix.training.determinism import make_deterministic

    make_deterministic()
    logging.getLogger("fgmix").setLevel(logging.WARNING)
    lines = ["| changed | mean | each | minutes | processor minutes |", "|---|---|---|---|---|"]
    for row in args.rows:
        found = [provide(args, row, split_seed) for split_seed in args.split_seeds]
        lines.append(line_of(row, found))
        print(lines[-1], flush=True)
    print("\n".join(["", *lines]))  # together: Keras has told of epochs in between


def parse() -> argparse.Namespace:
    """Reads the flags."""
    parser = script_parser(__doc__)
    parser.add_argument("--recipe", required=True, choices=ROWS)
    parser.add_argument("--data-dir", required=True, help="where Cars lies")
    parser.add_argument("--weights", default="imagenet", help="of the backbone")
    parser.add_argument("--backbone", default="mobilenet_v2")
    parser.add_argument("--attention", default="none")
    parser.add_argument("--epochs", type=int, help="default: 12 of strong, the recipe's of frozen")
    parser.add_argument("--image-size", type=int, help="default: 160 of strong, 224 of frozen")
    parser.add_argument(
        "--split-seeds", type=int, nargs="+", metavar="SEED", help="default: 0 of strong, 0 1"
    )
    parser.add_argument("--rows", nargs="+", metavar="ROW", help="default: all of the recipe")
    parser.add_argument(
        "--base", nargs="+", default=[], metavar="ROW", help="that all rows build on"
    )
    parser.add_argument("--classes", type=int, help="only the first so many, for a rehearsal")
    parser.add_argument(
        "--scratch", type=Path, default=SCRATCH, help="where a training that was begun is kept"
    )
    args = parser.parse_args()
    for name, value in DEFAULTS[args.recipe].items():
        if getattr(args, name) is None:
            setattr(args, name, value)
    rows = ROWS[args.recipe]
    args.rows = args.rows or list(rows)
    if unknown := [name for name in (*args.base, *args.rows) if name not in rows]:
        parser.error(f"recipe {args.recipe} has no row {unknown[0]!r}; it has: {', '.join(rows)}")
    return args


def provide(args: argparse.Namespace, row: str, split_seed: int) -> dict[str, Any]:
    """A row's result on one division of the photos: from the record, or new and added to it."""
    path = args.output / f"recipe_values.{args.recipe}.json"
    config = config_of(args, row, split_seed)
    key = describe(args, row, config)
    for done in read(path)["done"]:
        if done["settings"] == key:
            return done
    measure = fit_peer if row == PEER else train
    found = {"row": row, "settings": key, **measure(args, config, key)}
    found["circumstances"] = circumstances(args.note, "tensorflow", "keras", "numpy")
    # Read again: another process that shares the folder may have added rows meanwhile.
    record = read(path)
    record["done"].append(found)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".partial")
    beside.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    beside.replace(path)
    return found


def read(path: Path) -> dict[str, Any]:
    """The record so far."""
    record = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return {"done": [], **record}


def config_of(args: argparse.Namespace, row: str, split_seed: int) -> TrainConfig:
    """The config of a row, resolved."""
    settings = {"image_size": args.image_size, "epochs": args.epochs}
    for name in (*args.base, row):
        settings |= ROWS[args.recipe][name]
    return TrainConfig(
        dataset="cars",
        data_dir=args.data_dir,
        backbone=args.backbone,
        weights=args.weights,
        attention=args.attention,
        recipe=args.recipe,
        val_fraction=0.2,
        split_seed=split_seed,
        seed=split_seed,
        cache="memory" if args.recipe == "strong" else "none",
        resume=True,  # starts anew if there is no checkpoint
        **settings,
    ).resolve()


def describe(args: argparse.Namespace, row: str, config: TrainConfig) -> dict[str, Any]:
    """All that decides a row's result."""
    return {
        "backbone": config.backbone,
        "weights": Path(config.weights).name,
        "attention": config.attention,
        "image_size": config.image_size,
        "classes": args.classes,
        "split_seed": config.split_seed,
        "peer": row == PEER,
        "recipe": {
            f.name: value
            for f in fields(Recipe)
            if hasattr(config, f.name) and not isinstance(value := getattr(config, f.name), Recipe)
        },
    }


def train(args: argparse.Namespace, config: TrainConfig, key: dict[str, Any]) -> dict[str, Any]:
    """Trains a row, or resumes it, and measures it on the photos that were held out."""
    import keras

    from fgmix.runs.images import load_splits
    from fgmix.training.precision import choose_precision
    from fgmix.training.stages import fit_stages
    from fgmix.training.trainer import build_model

    keras.utils.clear_session()  # of the row before
    dataset = first_classes(load_splits(config), args.classes)
    config = config.for_photos(len(dataset.splits["train"]))
    precision = choose_precision(config.precision)
    model = build_model(config, len(dataset.class_names), precision)
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]
    folder = args.scratch / digest
    folder.mkdir(parents=True, exist_ok=True)
    began = time.process_time()
    rows = fit_stages(model, config, dataset, folder).history
    seconds = time.process_time() - began
    shutil.rmtree(folder)
    return {
        "val_accuracy": rows[-1]["val_accuracy"],
        "val_loss": rows[-1]["val_loss"],
        "loss": rows[-1]["loss"],
        "best_val_accuracy": max(row["val_accuracy"] for row in rows),
        "minutes": sum(row["seconds"] for row in rows) / 60,
        "processor_minutes_since_it_went_on": seconds / 60,
        "precision": precision,
        "photos": {name: len(split) for name, split in dataset.splits.items()},
    }


def fit_peer(args: argparse.Namespace, config: TrainConfig, key: dict[str, Any]) -> dict[str, Any]:
    """Fits LogisticRegression on the same photos and features."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    from fgmix.models.split import split_model
    from fgmix.runs.images import load_splits
    from fgmix.training.frozen.features import provide_features
    from fgmix.training.trainer import build_model

    dataset = first_classes(load_splits(config), args.classes)
    stored = provide_features(
        split_model(build_model(config, len(dataset.class_names), "float32")).backbone,
        dataset,
        name=config.backbone,
        augmentation=config.augmentation,
        wanted={"train": 1, "val": 1},
    )
    means = {
        split: np.stack([maps[place].mean((0, 1), dtype=np.float32) for place in places])
        for (split, _), (maps, places) in stored.items()
    }
    labels = {name: split.labels for name, split in dataset.splits.items()}
    began, processor = time.perf_counter(), time.process_time()
    scaler = StandardScaler().fit(means["train"])
    peer = LogisticRegression(C=0.03, max_iter=200)
    peer.fit(scaler.transform(means["train"]), labels["train"])
    seconds, processor = time.perf_counter() - began, time.process_time() - processor
    return {
        "val_accuracy": peer.score(scaler.transform(means["val"]), labels["val"]),
        "minutes": seconds / 60,
        "processor_minutes_since_it_went_on": processor / 60,
        "photos": {name: len(split) for name, split in dataset.splits.items()},
    }


def first_classes(dataset: "ImageDataset", count: int | None) -> "ImageDataset":
    """The data set without its test photos, and with its first classes alone."""
    names = dataset.class_names[:count]
    splits = {
        name: split.take(np.flatnonzero(split.labels < len(names)))
        for name, split in dataset.splits.items()
        if name != "test"
    }
    return replace(dataset, class_names=names, splits=splits)


def line_of(row: str, found: list[dict[str, Any]]) -> str:
    """A line of the table."""
    accuracies = [done["val_accuracy"] for done in found]
    each = ", ".join(f"{accuracy:.3f}" for accuracy in accuracies)
    minutes, processor = (
        np.mean([done[name] for done in found])
        for name in ("minutes", "processor_minutes_since_it_went_on")
    )
    return f"| {row} | {np.mean(accuracies):.3f} | {each} | {minutes:.1f} | {processor:.1f} |"


if __name__ == "__main__":
    main()
