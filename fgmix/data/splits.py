"""Stratified splits that depend only on a seed and on the names of classes and files."""

import hashlib
from dataclasses import replace

import numpy as np

from fgmix.data.dataset import ImageDataset, Split
from fgmix.errors import FgmixError

TEST_FRACTION = 0.2
"""The fraction of every class that is held out for testing if a data set has no test split."""


def rank(split: Split, label: int, class_name: str, seed: int) -> np.ndarray:
    """Returns the images of a class in a random order that is stable when the data set changes.

    Images are sorted by a hash of `(seed, class name, file name)`. Their relative order does not
    depend on the data set's location, on other classes, or on images that are added or removed.

    Args:
        split: Images of any classes.
        label: The class, as in `split.labels`.
        class_name: The name of the class.
        seed: The split seed.

    Returns:
        int64 `(n,)`, indices into `split` of the images of the class, in order.
    """

    def key(index: int) -> tuple[bytes, str]:
        path = split.paths[index]
        name = path.rpartition("/")[2]
        return hashlib.sha256(f"{seed}\0{class_name}\0{name}".encode()).digest(), path

    members = np.flatnonzero(split.labels == label)
    return np.array(sorted(members.tolist(), key=key), np.int64)


def stratified_split(
    split: Split,
    fraction: float,
    seed: int,
    class_names: tuple[str, ...],
    purpose: str,
    remedy: str,
) -> tuple[Split, Split]:
    """Splits off a fraction of every class.

    The first images of each class in `rank` are taken: at least one, and never all. A larger
    fraction therefore contains a smaller one, and adding an image to a class moves at most one
    other image of that class to the other side.

    Args:
        split: The images to divide.
        fraction: The fraction to take, between 0 and 1.
        seed: The split seed.
        class_names: The name of each class, in index order.
        purpose: What the images are taken for, for messages: `"validation"`.
        remedy: How to avoid the split, for messages: `"--val-fraction 0"`.

    Returns:
        The remaining and the taken images, both in the order of `split`.

    Raises:
        FgmixError: If a class has fewer than 2 images.
    """
    taken = np.zeros(len(split), bool)
    for label, name in enumerate(class_names):
        ranked = rank(split, label, name, seed)
        if len(ranked) < 2:
            raise FgmixError(
                f"class {name!r} has {len(ranked)} training image(s), too few to split off some "
                f"for {purpose}: add photos, remove the class, or split off none ({remedy})"
            )
        count = min(max(1, round(fraction * len(ranked))), len(ranked) - 1)
        taken[ranked[:count]] = True
    return split.take(np.flatnonzero(~taken)), split.take(np.flatnonzero(taken))


def hold_out_test(dataset: ImageDataset, seed: int, remedy: str) -> ImageDataset:
    """Moves `TEST_FRACTION` of the training images of every class into the split `"test"`.

    Args:
        dataset: A data set without a test split.
        seed: The split seed.
        remedy: How to avoid the split, for messages.

    Raises:
        FgmixError: If a class has fewer than 2 images.
    """
    train, test = stratified_split(
        dataset.splits["train"],
        TEST_FRACTION,
        seed,
        dataset.class_names,
        "testing",
        remedy=remedy,
    )
    return replace(dataset, splits={**dataset.splits, "train": train, "test": test})
