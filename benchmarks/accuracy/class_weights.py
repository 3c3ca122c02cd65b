"""What `--class-weights balanced` brings to rare classes and costs the frequent ones.

    python -m benchmarks.accuracy.class_weights --data-dir DIR --weights FILE

Every draw takes other classes of Cars and, of each, as many training photos as a geometric series
from `--fewest` to `--most` says; a class has all of its test photos. Recipe `frozen` is trained on
the draw with and without class weights, with the same seed and on the same stored features. Cars
has about equally many test photos of each class; `as trained` weighs the accuracies of the classes
by their training photos instead, as if the photos in use were as unequal as those of training.
"""

import argparse
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.lib.datasets import add_dataset, load
from benchmarks.lib.machine import circumstances
from benchmarks.lib.records import Record, markdown, script_parser, write

SETTINGS = ("none", "balanced")
MEASURES = {
    "top1": "top-1",
    "mean_per_class": "mean per class",
    "as_trained": "as trained",
    "rare": "rare third",
    "middle": "middle third",
    "frequent": "frequent third",
}


def long_tail(dataset: Any, counts: np.ndarray, seed: int) -> Any:
    """Returns some classes of a data set, drawn at random, with these numbers of training photos.

    Args:
        dataset: An `ImageDataset` with enough training photos of every class.
        counts: The training photos of each class, `(K,)`.
        seed: Draws the classes, their order and the photos.
    """
    from fgmix.data.dataset import concatenate

    rng = np.random.default_rng(seed)
    largest = np.bincount(dataset.splits["train"].labels)
    fitting = np.flatnonzero(largest >= counts.max())
    chosen = rng.choice(fitting, len(counts), replace=False)
    parts: dict[str, list[Any]] = {"train": [], "test": []}
    for new, (old, count) in enumerate(zip(chosen, counts, strict=True)):
        for name, found in parts.items():
            split = dataset.splits[name]
            members = np.flatnonzero(split.labels == old)
            if name == "train":
                members = rng.permutation(members)[:count]
            found.append(replace(split.take(members), labels=np.full(len(members), new, np.int32)))
    return replace(
        dataset,
        class_names=tuple(dataset.class_names[i] for i in chosen),
        splits={name: concatenate(found) for name, found in parts.items()},
    )


def train(dataset: Any, args: argparse.Namespace, seed: int, setting: str) -> np.ndarray:
    """Returns the predicted classes of the test photos, int `(n,)`, after training."""
    from fgmix.config.train_config import TrainConfig
    from fgmix.training.frozen.inputs import feature_inputs
    from fgmix.training.stages import fit_stages
    from fgmix.training.trainer import build_model

    config = TrainConfig(
        dataset="cars",
        backbone=args.backbone,
        weights=args.weights,
        image_size=args.image_size,
        attention=args.attention,
        recipe="frozen",
        head=args.head,
        head_lr=args.head_lr,
        val_fraction=0.0,
        class_weights=setting,
        seed=seed,
        monitor_test=True,  # so that the features of the test photos are stored as well
    ).resolve()
    model = build_model(config, len(dataset.class_names), "float32")
    with tempfile.TemporaryDirectory() as folder:
        fit_stages(model, config, dataset, Path(folder))
    head, inputs = feature_inputs(model, config, dataset)
    return head.predict(inputs.measured["test"].batches, verbose=0).argmax(axis=1)


def measure(predicted: np.ndarray, labels: np.ndarray, counts: np.ndarray) -> dict[str, Any]:
    """Returns the accuracies of predictions; the classes are in the order of their counts."""
    correct = predicted == labels
    of_class = np.array([correct[labels == c].mean() for c in range(len(counts))])
    rare, middle, frequent = np.array_split(of_class, 3)
    return {
        "top1": float(correct.mean()),
        "mean_per_class": float(of_class.mean()),
        "as_trained": float(np.average(of_class, weights=counts)),
        "rare": float(rare.mean()),
        "middle": float(middle.mean()),
        "frequent": float(frequent.mean()),
        "per_class": of_class.round(4).tolist(),
        "test_photos": len(labels),
    }


def table(record: Record) -> str:
    """Returns the table of mean accuracies, and what the weights change, draw by draw."""
    found = {
        setting: np.array(
            [[row[m] for m in MEASURES] for row in record["rows"] if row["setting"] == setting]
        )
        for setting in SETTINGS
    }
    rows = [[f"`{s}`", *(f"{100 * x:.1f}" for x in found[s].mean(axis=0))] for s in SETTINGS]
    change = 100 * (found["balanced"] - found["none"])
    spread = zip(change.mean(axis=0), change.min(axis=0), change.max(axis=0), strict=True)
    rows.append(
        ["change", *(f"{mean:+.1f} ({low:+.1f} to {high:+.1f})" for mean, low, high in spread)]
    )
    counts = record["counts"]
    tested = sorted({row["test_photos"] for row in record["rows"]})
    return markdown(["", *MEASURES.values()], rows) + (
        f"\nAccuracy in %, mean of {len(change)} draws; change in points, mean (least to most). "
        f"`{record['dataset']}`, {len(counts)} classes of {counts[0]} to {counts[-1]} training "
        f"photos, {sum(counts)} in all, {tested[0]} to {tested[-1]} test photos a draw; "
        f"`frozen`, `{record['backbone']}`, attention `{record['attention']}`, head "
        f"`{record.get('head', 'linear')}`, {record['image_size']} px.\n"
    )


def main() -> None:
    """Trains with and without weights on every draw, and writes after each."""
    parser = script_parser(__doc__, variant=True)
    add_dataset(parser)
    parser.add_argument("--attention", default="mixed")
    parser.add_argument("--head", default="linear", help="paper starts from random weights")
    parser.add_argument("--head-lr", type=float)
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--classes", type=int, default=20)
    parser.add_argument("--fewest", type=int, default=2)
    parser.add_argument("--most", type=int, default=20)
    parser.add_argument("--draws", type=int, default=3)
    args = parser.parse_args()
    whole = load(args)
    counts = np.geomspace(args.fewest, args.most, args.classes).round().astype(int)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as stored:
        os.environ["TFDS_DATA_DIR"] = stored
        for seed in range(args.draws):
            dataset = long_tail(whole, counts, seed)
            labels = dataset.splits["test"].labels
            for setting in SETTINGS:
                found = measure(train(dataset, args, seed, setting), labels, counts)
                rows.append({"setting": setting, "draw": seed, **found})
                print({k: v for k, v in rows[-1].items() if k != "per_class"}, flush=True)
            record = {
                **circumstances(args.note, "tensorflow", "keras", "numpy"),
                "dataset": whole.name,
                **{k: getattr(args, k) for k in ("backbone", "attention", "head", "image_size")},
                "counts": counts.tolist(),
                "rows": rows,
            }
            write("class_weights", record, args.output, args.variant)
    print(table(record))


if __name__ == "__main__":
    main()
