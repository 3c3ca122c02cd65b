"""Small-sample protocols: folds, validation splits, and limits on the number of training images.

Each function returns a data set with other splits. All are stratified and select images by `rank`,
which depends on the split seed. Apply them in this order: first hold out the fold, then validation,
then limit the rest. The images that runs are measured on are then the same for any number of shots,
so a learning curve compares like with like.
"""

import hashlib
import logging
from dataclasses import replace

import numpy as np

from fgmix.data.dataset import ImageDataset
from fgmix.data.splits import rank, stratified_split
from fgmix.errors import FgmixError

log = logging.getLogger(__name__)

NAMED = 5
"""The number of classes that a message names."""


def check_protocol(
    shots: int | None, train_fraction: float, folds: int | None, fold: int | None
) -> None:
    """Checks that the settings of a protocol are consistent; None means not given.

    Raises:
        FgmixError: If they are not.
    """
    if train_fraction == 0:
        raise FgmixError("--train-fraction 0: must be more than 0")
    if shots is not None and train_fraction < 1:
        raise FgmixError("--shots and --train-fraction exclude each other: give one of them")
    if folds is None:
        if fold is not None:
            raise FgmixError(f"--fold {fold} needs --folds: the number of folds")
    elif fold is None:
        raise FgmixError(f"--folds {folds} needs --fold: 0 to {folds - 1}")
    elif fold >= folds:
        raise FgmixError(f"--fold {fold}: the {folds} folds are 0 to {folds - 1}")


def hold_out_fold(dataset: ImageDataset, folds: int, fold: int, seed: int) -> ImageDataset:
    """Moves one fold of the training images into the split `"fold"`.

    The folds of a class differ in size by at most one image, and every training image is in exactly
    one fold. Models that are each trained without one fold thus give out-of-fold predictions for
    all training images.

    Args:
        dataset: The data set; its other splits are kept.
        folds: The number of folds, at least 2.
        fold: The fold to hold out, from 0 to `folds - 1`.
        seed: The split seed.

    Raises:
        FgmixError: If a class has fewer training images than there are folds.
    """
    train = dataset.splits["train"]
    counts = np.bincount(train.labels, minlength=len(dataset.class_names))
    if (counts < folds).any():
        raise FgmixError(
            f"--folds {folds}: too few training photos: {_smallest(dataset, folds)}; "
            f"add photos, remove the classes, or give fewer folds"
        )
    held_out = np.zeros(len(train), bool)
    for label, name in enumerate(dataset.class_names):
        places = np.arange(counts[label]) + _first_fold(name, seed)
        held_out[rank(train, label, name, seed)[places % folds == fold]] = True
    splits = {
        **dataset.splits,
        "train": train.take(np.flatnonzero(~held_out)),
        "fold": train.take(np.flatnonzero(held_out)),
    }
    return replace(dataset, splits=splits)


def _first_fold(class_name: str, seed: int) -> int:
    """Returns the fold that gets a class's first image.

    It differs by class: if it were always fold 0, that fold would get every class's surplus image.
    """
    digest = hashlib.sha256(f"{seed}\0{class_name}".encode()).digest()
    return int.from_bytes(digest[:4], "big")


def hold_out_validation(
    dataset: ImageDataset, fraction: float, seed: int, at_least: int = 0
) -> ImageDataset:
    """Moves a fraction of the training images into `"val"`, unless the data set has that split.

    Args:
        dataset: The data set; its other splits are kept.
        fraction: The fraction to hold out, between 0 and 1.
        seed: The split seed.
        at_least: The fewest images to hold out; none are if the fraction is smaller.

    Raises:
        FgmixError: If a class has fewer than 2 training images.
    """
    if "val" in dataset.splits:
        log.info("using the data set's own validation photos; --val-fraction has no effect")
        return dataset
    if fraction * len(dataset.splits["train"]) < at_least:
        return dataset
    train, val = stratified_split(
        dataset.splits["train"],
        fraction,
        seed,
        dataset.class_names,
        "validation",
        remedy="--val-fraction 0",
    )
    return replace(dataset, splits={**dataset.splits, "train": train, "val": val})


def keep_shots(dataset: ImageDataset, shots: int, seed: int) -> ImageDataset:
    """Keeps the first `shots` training images of every class in `rank`.

    A smaller number of shots is therefore a subset of a larger one.

    Args:
        dataset: The data set; its other splits are kept.
        shots: The number of images to keep per class.
        seed: The split seed.

    Raises:
        FgmixError: If a class has fewer images: training on fewer would be another protocol.
    """
    counts = np.bincount(dataset.splits["train"].labels, minlength=len(dataset.class_names))
    if (counts < shots).any():
        raise FgmixError(
            f"--shots {shots}: too few training photos: {_smallest(dataset, shots)}; "
            f"add photos, remove the classes, or give at most --shots {max(1, counts.min())}"
        )
    return _keep_first(dataset, np.full_like(counts, shots), seed)


def keep_fraction(dataset: ImageDataset, fraction: float, seed: int) -> ImageDataset:
    """Keeps a fraction of every class's training images, the first in `rank`, at least one.

    Args:
        dataset: The data set; its other splits are kept.
        fraction: The fraction to keep, more than 0 and at most 1. A larger fraction contains a
            smaller one.
        seed: The split seed.
    """
    counts = np.bincount(dataset.splits["train"].labels, minlength=len(dataset.class_names))
    kept = np.maximum(1, np.round(fraction * counts).astype(int))
    return _keep_first(dataset, kept, seed)


def _keep_first(dataset: ImageDataset, kept: np.ndarray, seed: int) -> ImageDataset:
    """Keeps the first `kept[label]` training images of each class; the rest is in no split."""
    train = dataset.splits["train"]
    first = [
        rank(train, label, name, seed)[: kept[label]]
        for label, name in enumerate(dataset.class_names)
    ]
    return replace(
        dataset, splits={**dataset.splits, "train": train.take(np.sort(np.concatenate(first)))}
    )


def _smallest(dataset: ImageDataset, needed: int) -> str:
    """Lists the classes with fewer than `needed` training images as text, smallest first."""
    counts = np.bincount(dataset.splits["train"].labels, minlength=len(dataset.class_names))
    short = [label for label in np.argsort(counts, kind="stable") if counts[label] < needed]
    named = ", ".join(f"{dataset.class_names[i]!r} has {counts[i]}" for i in short[:NAMED])
    return named + (f", and {len(short) - NAMED} more classes" if short[NAMED:] else "")
