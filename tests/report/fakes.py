"""Runs that were never trained, with random predictions: the files that a report reads."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from fgmix.config.train_config import TrainConfig
from tests.pictures import write_noise

EPOCHS = 3


def write_run(
    directory: Path,
    root: Path,
    classes: Sequence[str],
    attention: str = "none",
    seed: int = 0,
    photos: int = 6,
    accuracy: float = 0.7,
) -> Path:
    """Writes the files of a finished run without a model.

    Args:
        directory: The run's folder.
        root: The recorded folder of its images.
        classes: Its classes.
        attention: Its attention.
        seed: Its seed, which also seeds its predictions.
        photos: Test images per class, `test/<number of class>/<number>.png`.
        accuracy: The approximate fraction of correct predictions.
    """
    directory.mkdir(parents=True)
    config = TrainConfig(
        dataset=str(root), attention=attention, seed=seed, run_dir=str(directory), epochs=EPOCHS
    ).resolve()
    flags = {k: v for k, v in asdict(config).items() if k not in ("overwrite", "resume")}
    data = {
        "name": root.name,
        "root": str(root),
        "num_classes": len(classes),
        "num_images": {"train": 20 * len(classes), "test": photos * len(classes)},
        "crop_bottom": 0,
        "skipped": [],
        "fingerprint": "0" * 64,
    }
    record = {
        "config": flags,
        "recipe": {},
        "precision": "float32",
        "data": data,
        "versions": {"fgmix": "0.1.0", "keras": "3.15.1"},
    }
    (directory / "config.json").write_text(json.dumps(record))
    (directory / "labels.txt").write_text("".join(f"{name}\n" for name in classes))
    rng = np.random.default_rng([seed, len(attention)])
    rows = ["path,label,predicted,probability"]
    for label, name in enumerate(classes):
        for photo in range(photos):
            other = classes[(label + 1) % len(classes)]
            said = name if rng.random() < accuracy else other
            quoted = ['"{}"'.format(text.replace('"', '""')) for text in (name, said)]
            rows.append(f"test/{label}/{photo}.png,{','.join(quoted)},{rng.uniform(0.3, 1):.4f}")
    (directory / "predictions.csv").write_text("\n".join(rows) + "\n")
    metrics = {"top1": accuracy, "top5": 0.95, "mean_per_class": accuracy, "loss": 1.0}
    (directory / "metrics.json").write_text(
        json.dumps(metrics | {"num_examples": photos * len(classes), "per_class": {}})
    )
    history = ["epoch,loss,accuracy,val_loss,val_accuracy,seconds"]
    history += [
        f"{e + 1},{2 / (e + 1)},{0.2 * e},{2.5 / (e + 1)},{0.15 * e},10" for e in range(EPOCHS)
    ]
    (directory / "history.csv").write_text("\n".join(history) + "\n")
    return directory


def write_photos(root: Path, classes: int, photos: int = 6) -> Path:
    """Draws the images of `write_run`."""
    for label in range(classes):
        for photo in range(photos):
            write_noise(root / "test" / str(label) / f"{photo}.png", seed=label * photos + photo)
    return root


def write_grid(
    folder: Path, root: Path, classes: Sequence[str], attentions: Sequence[str], seeds: int
) -> list[Path]:
    """Writes one run per attention and seed."""
    return [
        write_run(folder / f"{attention}-{seed}", root, classes, attention, seed)
        for attention in attentions
        for seed in range(seeds)
    ]
