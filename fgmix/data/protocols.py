"""Small-sample protocols: what is held out of the training photos, and how many are trained on.

Each takes a data set and gives one with other splits; all are stratified and go by `rank`, so by
the split seed. In this order they leave each other's photos alone: the fold, then validation,
then the limit on what is left. So whatever the number of shots, the photos that runs are measured
on stay the same, and a learning curve compares like with like.
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
"""How many classes a message names."""


def check_protocol(
    shots: int | None, train_fraction: float, folds: int | None, fold: int | None
) -> None:
    """Checks that the settings of a protocol go together; None is one that is not given.

    Raises:
        FgmixError: If they don't.
    """
    if train_fraction == 0:
        raise FgmixError("--train-fraction 0: must be more than 0")
    if shots is not None and train_fraction < 1:
        raise FgmixError("--shots and --train-fraction exclude each other: give one of them")
    if folds is None:
        if fold is not None:
            raise FgmixError(f"--fold {fold} needs --folds: of how many is it one?")
    elif fold is None:
        raise FgmixError(f"--folds {folds} needs --fold: 0 to {folds - 1}")
    elif fold >= folds:
        raise FgmixError(f"--fold {fold}: the {folds} folds are 0 to {folds - 1}")


def hold_out_fold(dataset: ImageDataset, folds: int, fold: int, seed: int) -> ImageDataset:
    """Moves one fold of the training photos into a split of its own, `"fold"`.

    The folds of a class differ by at most one photo. Together they are all training photos, each
    once, so that models trained without one fold after the other predict every photo unseen.

    Args:
        dataset: The data set; its other splits stay as they are.
        folds: The number of folds, at least 2.
        fold: The one to hold out, from 0 to `folds - 1`.
        seed: The split seed.

    Raises:
        FgmixError: If a class has fewer training photos than there are folds.
    """
    train = dataset.splits["train"]
    counts = np.bincount(train.labels, minlength=len(dataset.class_names))
    if (counts < folds).any():
        raise FgmixError(
            f"--folds {folds}: too few training photos for that: {_smallest(dataset, folds)}; "
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
    """Where the dealing begins: were it fold 0 for all, that one would get every odd photo."""
    digest = hashlib.sha256(f"{seed}\0{class_name}".encode()).digest()
    return int.from_bytes(digest[:4], "big")


def hold_out_validation(dataset: ImageDataset, fraction: float, seed: int) -> ImageDataset:
    """Moves a share of the training photos into `"val"`, if the data set has no such split.

    Raises:
        FgmixError: If a class has fewer than 2 training photos.
    """
    if "val" in dataset.splits:
        log.info("the data set's own validation photos are used; --val-fraction changes nothing")
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
    """Keeps the first `shots` training photos of every class in rank, so fewer are among more.

    Raises:
        FgmixError: If a class has fewer. To train on fewer would make it another protocol.
    """
    counts = np.bincount(dataset.splits["train"].labels, minlength=len(dataset.class_names))
    if (counts < shots).any():
        raise FgmixError(
            f"--shots {shots}: too few training photos for that: {_smallest(dataset, shots)}; "
            f"add photos, remove the classes, or give --shots {max(1, counts.min())} at most"
        )
    return _keep_first(dataset, np.full_like(counts, shots), seed)


def keep_fraction(dataset: ImageDataset, fraction: float, seed: int) -> ImageDataset:
    """Keeps a share of every class's training photos, at least one, the first in rank.

    Args:
        dataset: The data set; its other splits stay as they are.
        fraction: The share to keep, more than 0 and at most 1. A larger contains a smaller one.
        seed: The split seed.
    """
    counts = np.bincount(dataset.splits["train"].labels, minlength=len(dataset.class_names))
    kept = np.maximum(1, np.round(fraction * counts).astype(int))
    return _keep_first(dataset, kept, seed)


def _keep_first(dataset: ImageDataset, kept: np.ndarray, seed: int) -> ImageDataset:
    """Keeps the first `kept[label]` training photos of each class; the rest is in no split."""
    train = dataset.splits["train"]
    first = [
        rank(train, label, name, seed)[: kept[label]]
        for label, name in enumerate(dataset.class_names)
    ]
    return replace(
        dataset, splits={**dataset.splits, "train": train.take(np.sort(np.concatenate(first)))}
    )


def _smallest(dataset: ImageDataset, needed: int) -> str:
    """The classes with fewer training photos than needed, the smallest first, in words."""
    counts = np.bincount(dataset.splits["train"].labels, minlength=len(dataset.class_names))
    short = [label for label in np.argsort(counts, kind="stable") if counts[label] < needed]
    named = ", ".join(f"{dataset.class_names[i]!r} has {counts[i]}" for i in short[:NAMED])
    return named + (f", and {len(short) - NAMED} more classes" if short[NAMED:] else "")
