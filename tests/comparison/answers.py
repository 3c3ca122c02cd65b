"""Finished runs without a model, with only the files that a comparison reads."""

from pathlib import Path

import numpy as np

from fgmix.config.train_config import TrainConfig
from fgmix.data.dataset import ImageDataset, Split
from fgmix.files import read_json, write_csv, write_json
from fgmix.runs.folder import prepare_run
from fgmix.runs.record import CONFIG, HISTORY, METRICS, PREDICTIONS

CLASSES = ("ant", "bee", "cow", "dog")


def draw_answers(rng, seeds, images, *, mean=0.2, image_sd=1.0, seed_sd=0.0):
    """Returns the correctness of seeds that share hard images, bool `(seeds, images)`."""
    ease = np.random.default_rng(12345).normal(0, image_sd, images)
    return rng.normal(size=(seeds, images)) < mean + ease + rng.normal(0, seed_sd, (seeds, 1))


def write_run(
    runs: Path, correct, *, confidences=None, predicted=None, paths=None, **settings
) -> Path:
    """Writes a run with given predictions.

    Args:
        runs: The folder of runs.
        right: For each image whether its prediction is correct. The classes alternate; an incorrect
            prediction is the class after the true one.
        confidences: The probability of each prediction.
        predicted: The predictions as indices, in place of `right`.
        paths: The images.
        **settings: Settings of the config.
    """
    attention, seed = settings.get("attention", "mixed"), settings.get("seed", 0)
    name = "-".join(str(v) for k, v in settings.items() if k not in ("attention", "seed"))
    directory = runs / "-".join(part for part in (attention, name, f"seed{seed}") if part)
    config = TrainConfig(
        **{"dataset": "cars", "backbone": "tiny", "weights": "none", "recipe": "strong"}
        | {"run_dir": str(directory)}
        | settings
    ).resolve()
    nothing = Split((), np.zeros(0, np.int32))
    dataset = ImageDataset("cars", runs, CLASSES, {"train": nothing, "test": nothing})
    prepare_run(config, dataset, "float32")
    labels = np.arange(len(correct)) % len(CLASSES)
    if predicted is None:
        predicted = np.where(correct, labels, (labels + 1) % len(CLASSES))
    confidences = np.full(len(correct), 0.75) if confidences is None else confidences
    paths = [f"test/{i:04d}.jpg" for i in range(len(correct))] if paths is None else paths
    rows = [
        {
            "path": path,
            "label": CLASSES[label],
            "predicted": CLASSES[guess],
            "probability": f"{confidence:.6f}",
        }
        for path, label, guess, confidence in zip(
            paths, labels, predicted, confidences, strict=True
        )
    ]
    write_csv(directory / PREDICTIONS, list(rows[0]), rows)
    history = [
        {"epoch": e + 1, "loss": 1 / (e + 1), "accuracy": e / 10, "val_loss": 2, "val_accuracy": ""}
        for e in range(2)
    ]
    write_csv(directory / HISTORY, list(history[0]), history)
    write_json(directory / METRICS, {"top1": float(np.mean(correct))})
    return directory


def edit_config(directory: Path, **parts) -> None:
    """Changes parts of a run's record."""
    record = read_json(directory / CONFIG)
    for name, change in parts.items():
        record[name] |= change
    write_json(directory / CONFIG, record)
