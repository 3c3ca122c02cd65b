"""Finds classes whose images fall into two groups, as if two classes had one name."""

from typing import NamedTuple

import numpy as np

MIN_IMAGES = 16
"""The fewest images of a class that is judged."""

MIN_SEPARATION = 0.85
"""Classes above it look like two. A uniform distribution has 0.75, a normal one 0.64."""

DIMENSIONS = 64
ROUNDS, STARTS = 4, 8
_SHRINKAGE = 0.3


class MixedClass(NamedTuple):
    """A class that looks like two.

    Attributes:
        label: Its index.
        separation: From 0 to 1, how far the two groups are apart.
        groups: The places of the images of each group, the most typical first.
    """

    label: int
    separation: float
    groups: tuple[np.ndarray, np.ndarray]


def find_mixed(features: np.ndarray, labels: np.ndarray, seed: int = 0) -> list[MixedClass]:
    """Finds the classes that look like two, the clearest first.

    Features are scaled so that the spread of all other classes is the same in every direction. A
    class is split in two by k-means in one half of its images, and the direction between the two
    centres is judged by the other half: the separation is the share of the variance along it that
    is between the two sides, the mean over random halves. Judged by the images that chose it, every
    direction in many dimensions would separate two groups.

    Args:
        features: float `(n, C)`, not negative.
        labels: int `(n,)`.
        seed: Of the halves and of k-means.
    """
    if len(np.unique(labels)) < 2 or len(features) <= DIMENSIONS:
        return []
    points = _components(features)
    classes = np.unique(labels).tolist()
    residuals = points.copy()
    for label in classes:
        residuals[labels == label] -= points[labels == label].mean(axis=0)
    found = []
    for label in classes:
        members = np.flatnonzero(labels == label)
        if len(members) < MIN_IMAGES:
            continue
        rng = np.random.default_rng([seed, label])
        # The other classes alone: a class that is two has most of its spread between them.
        scaled = points[members] @ _even(residuals[labels != label])
        separation = _separation(scaled, rng)
        if separation >= MIN_SEPARATION:
            found.append(MixedClass(label, separation, _groups(scaled, members, rng)))
    return sorted(found, key=lambda mixed: -mixed.separation)


def _components(features: np.ndarray) -> np.ndarray:
    """Returns the principal components of the features' square roots at a common length."""
    values = np.sqrt(np.maximum(features, 0), dtype=np.float64)
    values /= np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)
    values -= values.mean(axis=0)
    _, axes = np.linalg.eigh(values.T @ values)
    return values @ axes[:, -DIMENSIONS:]


def _even(residuals: np.ndarray) -> np.ndarray:
    """Returns the linear map after which residuals `(n, d)` have the same spread everywhere."""
    covariance = residuals.T @ residuals / len(residuals)
    size = covariance.shape[0]
    even = np.trace(covariance) / size * np.eye(size)
    covariance = (1 - _SHRINKAGE) * covariance + _SHRINKAGE * even
    return np.linalg.cholesky(np.linalg.inv(covariance))


def _separation(points: np.ndarray, rng: np.random.Generator) -> float:
    """Returns how far two groups of a class are apart, in images that did not choose them."""
    shares = []
    for _ in range(ROUNDS):
        order = rng.permutation(len(points))
        one, other = points[order[: len(order) // 2]], points[order[len(order) // 2 :]]
        for chosen, judged in ((one, other), (other, one)):
            first, second = _two_means(chosen, rng)
            along = (judged - (first + second) / 2) @ (second - first)
            left, right = along[along < 0], along[along >= 0]
            if min(len(left), len(right)) < 2:
                shares.append(0.0)
                continue
            between = (right.mean() - left.mean()) ** 2 * len(left) * len(right) / len(along) ** 2
            shares.append(between / along.var())
    return float(np.mean(shares))


def _groups(
    points: np.ndarray, members: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the images of a class, `members`, of each of two groups of their points."""
    centres = _two_means(points, rng)
    away = np.stack([np.square(points - c).sum(axis=1) for c in centres])
    nearer = away.argmin(axis=0)
    one, other = (
        members[nearer == k][np.argsort(away[k, nearer == k], kind="stable")] for k in (0, 1)
    )
    return one, other


def _two_means(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Returns the two centres of k-means, the best of several starts."""
    from scipy.cluster.vq import kmeans

    centres, _ = kmeans(points, 2, iter=STARTS, seed=rng)
    # Of points that are all alike there is a single centre.
    return np.stack([centres[0], centres[-1]])
