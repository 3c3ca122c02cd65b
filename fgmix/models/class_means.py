"""How far an image is from all that a classifier was trained on: from its nearest class.

The features of an image are the means of the attended feature map over its positions, with the
square root of every channel taken, at length 1. Its distance from a class has two terms, each in
units of its own: how far the features lie from the mean of the class, and the angle between both,
seen from the centre of all classes in the space of linear discriminants, where features differ
between classes more than within. An image of anything else than such objects is far by the first;
an image of another class of such objects points to none of the classes.

Both are usual for the purpose, the first without a covariance: K. Lee et al., *A Simple Unified
Framework for Detecting Out-of-Distribution Samples and Adversarial Attacks*, 2018.
`benchmarks/accuracy/strangers.py` compares them with others.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from fgmix.files import replacing

TINY = 1e-12
"""Added to a squared length before it divides."""
QUANTILE = 0.95
"""The share of the measured images whose distance is at most 1."""


@dataclass(frozen=True, eq=False)
class ClassMeans:
    """The mean features of every class, and how far images lie from them.

    Attributes:
        means: float32 `(K, d)`, of features from `normalize`.
        projection: float32 `(d, r)`, to the space of linear discriminants, `r < K`.
        units: The Euclidean distance and the `1 - cosine` that count as 1, so that `QUANTILE` of
            the measured images have at most 1 as the sum of both to their nearest class.
        split: The split of the measured images: `"val"`, or `"train"` where there is none: then
            each was measured with class means that it was not among.
        known: float32 `(m,)`, their distances.
        others: float32 `(m,)`, their distances from the other classes than their own.
    """

    means: np.ndarray = field(repr=False)
    projection: np.ndarray = field(repr=False)
    units: tuple[float, float] = (1.0, 1.0)
    split: str = "val"
    known: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32), repr=False)
    others: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32), repr=False)

    def terms(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns the Euclidean distance from every class mean, and `1 - cosine`, `(n, K)` each.

        Args:
            features: `(n, d)`, means of attended feature maps, not normalised.
        """
        rows = normalize(features)
        squares = (rows**2).sum(axis=1)[:, None] + (self.means**2).sum(axis=1)
        away = np.sqrt(np.maximum(squares - 2 * rows @ self.means.T, 0))
        cosines = of_length_1((rows - self.center) @ self.projection) @ self.directions.T
        return away, 1 - cosines

    def distances(self, features: np.ndarray) -> np.ndarray:
        """Returns the distance of features `(n, d)` from every class, `(n, K)`."""
        away, turned = self.terms(features)
        found: np.ndarray = away / self.units[0] + turned / self.units[1]
        return found

    @property
    def center(self) -> np.ndarray:
        """The centre of all classes, `(d,)`."""
        center: np.ndarray = self.means.mean(axis=0)
        return center

    @property
    def directions(self) -> np.ndarray:
        """Where the classes lie from the centre, at length 1, `(K, r)`."""
        return of_length_1((self.means - self.center) @ self.projection)

    def in_order(self, order: Sequence[int]) -> "ClassMeans":
        """Returns the means with class `order[0]` first, then `order[1]` and so on."""
        return replace(self, means=self.means[list(order)])

    def save(self, file: Path) -> None:
        """Writes the file that `load_class_means` reads."""
        with replacing(file) as beside, beside.open("wb") as target:
            np.savez(target, **asdict(self))


def load_class_means(file: Path) -> ClassMeans:
    """Reads class means.

    Raises:
        OSError: If the file can't be read.
        ValueError: If it holds something else.
    """
    try:
        with np.load(file) as arrays:
            away, turned = (float(unit) for unit in arrays["units"])
            floats = {
                name: np.asarray(arrays[name], np.float32)
                for name in ("means", "projection", "known", "others")
            }
            found = ClassMeans(**floats, units=(away, turned), split=str(arrays["split"]))
    except (KeyError, TypeError, EOFError) as error:
        raise ValueError(f"it lacks {error}") from error
    fits = found.means.ndim == found.projection.ndim == 2
    if not (fits and found.means.shape[1] == len(found.projection) and min(found.units) > 0):
        raise ValueError("it holds no class means")
    return found


def normalize(features: np.ndarray) -> np.ndarray:
    """Returns the signed square roots of features `(n, d)`, at length 1, float32.

    The root brings channels with rare, large activations into the range of the others; the common
    length makes images of weak and strong contrast alike.

    Example:
        >>> normalize(np.array([[9.0, -16.0]])).round(2).tolist()
        [[0.6, -0.8]]
    """
    return of_length_1(np.sign(features) * np.sqrt(np.abs(features).astype(np.float32)))


def of_length_1(rows: np.ndarray) -> np.ndarray:
    """Returns rows `(n, d)` divided by their lengths."""
    found: np.ndarray = rows / np.sqrt((rows**2).sum(axis=1, keepdims=True) + TINY)
    return found
