"""Which values recipe `frozen` should have: tried on validation photos, never on test photos.

    python benchmarks/frozen_values.py --data-dir DIR --weights FILE
    python benchmarks/frozen_values.py --data-dir DIR --weights FILE --changed image_size views

Every row changes one thing of the recipe. The training photos of Cars are divided twice, by
`--split-seed` 0 and 1, four fifths to train on and one to measure; a row's accuracy is the mean of
both after the last epoch, with one seed each. Features are computed once for each image size. The
peer is scikit-learn's LogisticRegression on the standardised means of the plain features.
"""

import argparse
import logging
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from machine import circumstances
from records import write

from fgmix.cli.main import import_tensorflow
from fgmix.config.recipes import RECIPES
from fgmix.config.train_config import TrainConfig

RECIPE = RECIPES["frozen"]
# What differs from the recipe. `image_size` is a flag, all else are the recipe's own fields.
ROWS: list[dict[str, Any]] = [
    {},
    {"views": 1},
    {"views": 4},
    {"dropout": 0.0},
    {"dropout": 0.7},
    {"head_bn": "after"},
    {"weight_decay": 0.05},
    {"weight_decay": 1.0},
    {"dropout": 0.0, "weight_decay": 0.05},
    {"label_smoothing": 0.0},
    {"head_lr": 3e-4},
    {"head_lr": 3e-3},
    {"epochs": 15},
    {"image_size": 160},
    {"image_size": 288},
    {"image_size": 320},
    {"image_size": 288, "views": 4},
]


def split_config(args: argparse.Namespace, split_seed: int, image_size: int = 224) -> TrainConfig:
    """The settings that all rows share."""
    return TrainConfig(
        dataset="cars",
        data_dir=args.data_dir,
        backbone=args.backbone,
        weights=args.weights,
        attention=args.attention,
        recipe="frozen",
        val_fraction=0.2,
        split_seed=split_seed,
        seed=split_seed,
        image_size=image_size,
    )


def train_row(args: argparse.Namespace, row: dict[str, Any]) -> dict[str, Any]:
    """Trains with one row's values on both divisions."""
    from fgmix.training.stages import fit_stages
    from fgmix.training.trainer import build_model
    from fgmix.workflows.train_and_evaluate import load_splits

    values = dict(row)
    image_size = values.pop("image_size", 224)
    RECIPES["frozen"] = replace(RECIPE, **values)
    last, seconds = [], []
    for split_seed in (0, 1):
        config = split_config(args, split_seed, image_size).resolve()
        dataset = load_splits(config)
        model = build_model(config, len(dataset.class_names), "float32")
        with tempfile.TemporaryDirectory() as scratch:
            rows = fit_stages(model, config, dataset, Path(scratch))
        last.append(rows[-1]["val_accuracy"])
        seconds.append(sum(epoch["seconds"] for epoch in rows))
    RECIPES["frozen"] = RECIPE
    return {"changed": row, "val_accuracy": last, "seconds_without_features": seconds}


def train_peer(args: argparse.Namespace) -> dict[str, Any]:
    """Fits LogisticRegression on the same divisions and features."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    from fgmix.models.split import split_model
    from fgmix.training.frozen.features import provide_features
    from fgmix.training.trainer import build_model
    from fgmix.workflows.train_and_evaluate import load_splits

    found, seconds = [], []
    for split_seed in (0, 1):
        config = split_config(args, split_seed).resolve()
        dataset = load_splits(config)
        backbone = split_model(build_model(config, len(dataset.class_names), "float32")).backbone
        stored = provide_features(
            backbone,
            dataset,
            name=config.backbone,
            augmentation=RECIPE.augmentation,
            wanted={"train": 1, "val": 1},
        )
        means = {}
        for (split, _), (maps, rows) in stored.items():
            means[split] = np.stack([maps[row].mean((0, 1), dtype=np.float32) for row in rows])
        began = time.perf_counter()
        scaler = StandardScaler().fit(means["train"])
        peer = LogisticRegression(C=0.03, max_iter=200)
        peer.fit(scaler.transform(means["train"]), dataset.splits["train"].labels)
        seconds.append(time.perf_counter() - began)
        found.append(peer.score(scaler.transform(means["val"]), dataset.splits["val"].labels))
    return {"val_accuracy": found, "seconds_without_features": seconds}


def show(name: str, row: dict[str, Any]) -> None:
    """Prints a row of the table."""
    mean, seconds = np.mean(row["val_accuracy"]), np.mean(row["seconds_without_features"])
    each = ", ".join(f"{accuracy:.3f}" for accuracy in row["val_accuracy"])
    print(f"| {name} | {mean:.3f} | {each} | {seconds:.0f} |", flush=True)


def main() -> None:
    """Trains every row, prints the table as it grows and writes the record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", required=True, help="where Cars lies")
    parser.add_argument("--weights", default="imagenet", help="of the backbone")
    parser.add_argument("--backbone", default="mobilenet_v2")
    parser.add_argument("--attention", default="none")
    parser.add_argument(
        "--changed", nargs="+", metavar="FIELD", help="only the rows that change nothing else"
    )
    parser.add_argument("--note", help="what else the record should say")
    args = parser.parse_args()
    rows = [row for row in ROWS if not args.changed or row.keys() <= set(args.changed)]
    import_tensorflow()
    logging.getLogger("fgmix").setLevel(logging.WARNING)
    record: dict[str, Any] = {
        "backbone": args.backbone,
        "weights": Path(args.weights).name,
        "attention": args.attention,
        "recipe": asdict(RECIPE),
        "rows": [],
    }
    print("| changed | mean | each | seconds |\n|---|---|---|---|")
    record["peer"] = train_peer(args)
    show("LogisticRegression", record["peer"])
    for row in rows:
        done = train_row(args, row)
        record["rows"].append(done)
        show(", ".join(f"{k} {v}" for k, v in row.items()) or "nothing", done)
        head = circumstances(args.note, "tensorflow", "keras", "numpy", "scikit-learn")
        write("frozen_values", head | record)


if __name__ == "__main__":
    main()
