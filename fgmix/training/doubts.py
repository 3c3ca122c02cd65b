"""Says why a finished training may have made a bad model, and which flag to change."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fgmix.config.train_config import TrainConfig
from fgmix.data.dataset import ImageDataset
from fgmix.data.pipeline import steps_per_epoch
from fgmix.training.start import starts_as_probe

LEARNT = 0.1
"""The share of the way from guessing to all correct that training images should have come."""
STEPS = 200
"""The fewest steps from which a classifier that does not start as a probe learns anything."""
PHOTOS = 10
"""The fewest training images per class without a probe."""


def doubts(
    config: TrainConfig, dataset: ImageDataset, history: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Returns what makes it doubtful that a training has made a good model.

    Args:
        config: The settings that it was trained with.
        dataset: The images, with the split `"train"`.
        history: Its history, a row per epoch.

    Returns:
        A sentence each, with the flag to change; empty if nothing is doubtful. A classifier that
        starts as a probe needs neither many steps nor many images.
    """
    train = dataset.splits["train"]
    counts = np.bincount(train.labels, minlength=len(dataset.class_names))
    found = []
    guessing = counts.max() / len(train)
    accuracy = float(history[-1]["accuracy"]) if history else 1.0
    if accuracy < guessing + LEARNT * (1 - guessing):
        found.append(
            f"in its last epoch it recognised {accuracy:.1%} of the training photos, and always "
            f"predicting the most common class would reach {guessing:.1%}: {_remedy(config)}"
        )
    if starts_as_probe(config):
        return found
    steps = config.epochs * steps_per_epoch(len(train), config.batch_size)
    if steps < STEPS:
        enough = -(-STEPS * config.epochs // steps)
        found.append(
            f"it had {steps} steps, which are few for layers that start from random weights: "
            f"--epochs {enough} or more"
        )
    if counts.min() < PHOTOS:
        smallest = int(counts.argmin())
        found.append(
            f"class {dataset.class_names[smallest]!r} has {counts[smallest]} training photos, "
            f"which are few for recipe {config.recipe} on {config.backbone} with --weights "
            f"{config.weights}: {_probe(config)}"
        )
    return found


def _remedy(config: TrainConfig) -> str:
    return "more --epochs or other --head-lr" if starts_as_probe(config) else _probe(config)


def _probe(config: TrainConfig) -> str:
    """Returns how to train with a probe as the start."""
    weights = " with its pretrained weights" if config.weights == "none" else ""
    return f"try --backbone mobilenet_v2 --recipe strong{weights}, which starts from a probe"
