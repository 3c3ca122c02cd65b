"""Which values recipe `strong` should have: tried on validation photos, never on test photos.

    python benchmarks/strong_values.py --data-dir DIR --weights FILE
    python benchmarks/strong_values.py --data-dir DIR --weights FILE --base colour "ema 0.99"
    python benchmarks/strong_values.py --data-dir DIR --weights FILE --rows base mixup cutmix

Every row changes one thing of the base: the recipe as it is, or with the changes of those rows
that `--base` names. The training photos of Cars are divided by each of `--split-seeds`, four
fifths to train on and one to measure; a row's accuracy is the mean of them after the last epoch.

It takes hours. Whenever it is stopped, even killed, the same command goes on: what the record
holds is not trained again, and a training that was begun goes on from its last epoch.
"""

import argparse
import hashlib
import json
import logging
import shutil
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from machine import circumstances

from fgmix.cli.main import import_tensorflow
from fgmix.config.recipes import RECIPES
from fgmix.config.train_config import TrainConfig
from fgmix.data.dataset import ImageDataset

RESULT = Path(__file__).parent / "results" / "strong_values.json"
SCRATCH = Path(tempfile.gettempdir()) / "fgmix-strong-values"
RECIPE = RECIPES["strong"]
# What differs from the base, by the row's name. These are the recipe's own fields.
ROWS: dict[str, dict[str, Any]] = {
    "base": {},
    "plain crops": {"augmentation": "random_resized_crop"},
    "colour": {"augmentation": "random_resized_crop_color"},
    "trivial": {"augmentation": "trivial"},
    "mixup": {"mixing": "mixup", "mixing_alpha": 0.2},
    "mixup 0.8": {"mixing": "mixup", "mixing_alpha": 0.8},
    "cutmix": {"mixing": "cutmix", "mixing_alpha": 1.0},
    "ema 0.99": {"ema": 0.99},
    "ema 0.998": {"ema": 0.998},
    "frozen bn": {"bn": "frozen"},
    "whole": {"frozen_stride": 0},
    "from stride 4": {"frozen_stride": 4},
    "from stride 8": {"frozen_stride": 8},
    "from stride 16": {"frozen_stride": 16},
    "one size": {"small_share": 0.0, "small_scale": 1.0},
    "small 0.6 x 0.57": {"small_share": 0.6, "small_scale": 0.57},
    "small 0.8 x 0.57": {"small_share": 0.8, "small_scale": 0.57},
    "small 0.8 x 0.72": {"small_share": 0.8, "small_scale": 0.72},
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
}


def main() -> None:
    """Trains what is missing, prints the table as it grows and keeps the record."""
    args = parse()
    import_tensorflow()
    from fgmix.training.determinism import make_deterministic

    make_deterministic()
    logging.getLogger("fgmix").setLevel(logging.WARNING)
    output = args.output
    record = json.loads(output.read_text()) if output.exists() else {"done": []}
    lines = ["| changed | mean | each | minutes | processor minutes |", "|---|---|---|---|---|"]
    for row in args.rows:
        found = []
        for split_seed in args.split_seeds:
            key = describe(args, row, split_seed)
            done = next((d for d in record["done"] if d["settings"] == key), None)
            if done is None:
                done = {"row": row, "settings": key, **train(args, key)}
                # Others may have added rows meanwhile, on another machine that shares the folder.
                record = json.loads(output.read_text()) if output.exists() else {"done": []}
                record |= circumstances(args.note, "tensorflow", "keras", "numpy")
                record["done"].append(done)
                beside = output.with_suffix(".partial")
                beside.write_text(json.dumps(record, indent=2) + "\n")
                beside.replace(output)
            found.append(done)
        lines.append(line_of(row, found))
        print(lines[-1], flush=True)
    print("\n".join(["", *lines]))  # together: Keras has told of epochs in between


def parse() -> argparse.Namespace:
    """Reads the flags."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", required=True, help="where Cars lies")
    parser.add_argument("--weights", default="imagenet", help="of the backbone")
    parser.add_argument("--backbone", default="mobilenet_v2")
    parser.add_argument("--attention", default="none")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--image-size", type=int, default=160)
    parser.add_argument("--split-seeds", type=int, nargs="+", default=[0], metavar="SEED")
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS), metavar="ROW")
    parser.add_argument(
        "--base", nargs="+", choices=ROWS, default=[], metavar="ROW", help="that all rows build on"
    )
    parser.add_argument("--classes", type=int, help="only the first so many, for a rehearsal")
    parser.add_argument("--output", type=Path, default=RESULT, help="the record")
    parser.add_argument(
        "--scratch", type=Path, default=SCRATCH, help="where a training that was begun is kept"
    )
    parser.add_argument("--note", help="what else the record should say")
    return parser.parse_args()


def describe(args: argparse.Namespace, row: str, split_seed: int) -> dict[str, Any]:
    """All that decides what a training ends with."""
    recipe = asdict(RECIPE) | {"epochs": args.epochs}
    for name in (*args.base, row):
        recipe |= ROWS[name]
    return {
        "backbone": args.backbone,
        "weights": Path(args.weights).name,
        "attention": args.attention,
        "image_size": args.image_size,
        "classes": args.classes,
        "split_seed": split_seed,
        "recipe": {name: value for name, value in recipe.items() if name != "summary"},
    }


def train(args: argparse.Namespace, settings: dict[str, Any]) -> dict[str, Any]:
    """Trains once, or goes on with it, and measures on the photos that were held out."""
    import keras

    from fgmix.training.precision import choose_precision
    from fgmix.training.stages import fit_stages
    from fgmix.training.trainer import build_model
    from fgmix.workflows.train_and_evaluate import load_splits

    keras.utils.clear_session()  # of the row before
    RECIPES["strong"] = replace(RECIPE, **settings["recipe"])
    config = TrainConfig(
        dataset="cars",
        data_dir=args.data_dir,
        backbone=args.backbone,
        weights=args.weights,
        attention=args.attention,
        recipe="strong",
        val_fraction=0.2,
        split_seed=settings["split_seed"],
        seed=settings["split_seed"],
        image_size=args.image_size,
        cache="memory",
        resume=True,  # from nothing, if there is no checkpoint
    ).resolve()
    dataset = first_classes(load_splits(config), args.classes)
    precision = choose_precision(config.precision)
    model = build_model(config, len(dataset.class_names), precision)
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]
    folder = args.scratch / digest
    folder.mkdir(parents=True, exist_ok=True)
    began = time.process_time()
    rows = fit_stages(model, config, dataset, folder)
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


def first_classes(dataset: ImageDataset, count: int | None) -> ImageDataset:
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
    return f"| {row} | {np.mean(accuracies):.3f} | {each} | {minutes:.0f} | {processor:.0f} |"


if __name__ == "__main__":
    main()
