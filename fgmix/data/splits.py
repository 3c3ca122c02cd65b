"""Stratified splits that depend on a seed and on the photos' names, and on nothing else."""

import hashlib

import numpy as np

from fgmix.data.dataset import Split
from fgmix.errors import FgmixError


def rank(split: Split, label: int, class_name: str, seed: int) -> np.ndarray:
    """Puts the images of a class into a random order that outlives changes of the data set.

    The order is that of a hash of `(seed, class name, file name)`. So an image's place among the
    others depends neither on where the data set lies, nor on the other classes, nor on images
    that came or went: of a class that has grown, the old ones stay in their order.

    Args:
        split: Images of any classes.
        label: The class, as in `split.labels`.
        class_name: Its name.
        seed: The split seed.

    Returns:
        int64 `(n,)`, the indices into `split` of the images of the class, first in rank first.
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
    """Takes a share of every class.

    Of each class the first images in `rank` are taken: at least one, and never all. So a larger
    fraction contains a smaller one, and an image that is added to a class moves at most one other
    image of that class from one side to the other.

    Args:
        split: What to divide.
        fraction: The share to take, between 0 and 1.
        seed: The split seed.
        class_names: The name of each class, in index order.
        purpose: What the share is for, for messages: `"validation"`.
        remedy: How to do without, for messages: `"--val-fraction 0"`.

    Returns:
        What is left, and what was taken, each in the order of `split`.

    Raises:
        FgmixError: If a class has fewer than 2 images.
    """
    taken = np.zeros(len(split), bool)
    for label, name in enumerate(class_names):
        ranked = rank(split, label, name, seed)
        if len(ranked) < 2:
            raise FgmixError(
                f"class {name!r} has {len(ranked)} image(s) to train on, too few to take some "
                f"for {purpose}: add photos, remove the class, or take none ({remedy})"
            )
        count = min(max(1, round(fraction * len(ranked))), len(ranked) - 1)
        taken[ranked[:count]] = True
    return split.take(np.flatnonzero(~taken)), split.take(np.flatnonzero(taken))
