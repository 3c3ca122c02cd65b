"""Fits class means to training images, and measures what distances from them tell of strangers.

A stranger is an image of none of a classifier's classes. None is needed here: every class in turn
is taken for one, which is as hard as strangers get where classes look alike.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fgmix.models.class_means import QUANTILE, ClassMeans, normalize

Features = Sequence[np.ndarray]
"""For every attended map of a model, `(n, d)`: its means over the positions."""
FOLDS = 5
SMALLEST_UNITS = 1e-6, 1e-2
"""Of the Euclidean distance, and of `1 - cosine`, which is zero for all images of two classes."""


def fit_class_means(
    train: np.ndarray,
    labels: np.ndarray,
    num_classes: int,
    held_out: tuple[np.ndarray, np.ndarray] | None = None,
) -> ClassMeans:
    """Fits class means, and measures the distances of images that they were not fitted to.

    Args:
        train: `(n, d)`, the features of training images; every class has one.
        labels: int `(n,)`, their classes.
        num_classes: `K`.
        held_out: The features and the classes of validation images. Without them the training
            images are measured in cross-validation, as far as their classes have several. Of a
            network that was trained on them, they lie nearer than new images.

    Example:
        >>> east, north = np.array([[9.0, 1.0], [9.0, 4.0]]), np.array([[1.0, 9.0], [4.0, 9.0]])
        >>> found = fit_class_means(np.concatenate([east, north]), np.array([0, 0, 1, 1]), 2)
        >>> found.means.shape, found.projection.shape, found.split, len(found.known)
        ((2, 2), (2, 1), 'train', 4)
    """
    whole = _fit(train, labels, num_classes)
    if held_out is not None:
        terms, classes = whole.terms(held_out[0]), held_out[1]
    else:
        terms, classes = _cross_validated(train, labels, num_classes)
        whole = replace(whole, split="train")
    if not len(classes):  # one image a class: nothing tells how far new ones lie
        return whole
    units = [
        max(float(np.quantile(term.min(axis=1), QUANTILE)), smallest)
        for term, smallest in zip(terms, SMALLEST_UNITS, strict=True)
    ]
    each = terms[0] / units[0] + terms[1] / units[1]
    unit = max(float(np.quantile(each.min(axis=1), QUANTILE)), 1e-3)
    each = (each / unit).astype(np.float32)
    return replace(
        whole,
        units=(units[0] * unit, units[1] * unit),
        known=each.min(axis=1),
        others=_without(each, classes).min(axis=1),
    )


def distances(
    features: Features, class_means: Sequence[ClassMeans], without: np.ndarray | None = None
) -> np.ndarray:
    """Returns how far images are from their nearest class, in the mean over a model's maps.

    Args:
        features: Those of the images.
        class_means: Those of every map.
        without: int `(n,)`, for each image a class that is not there.

    Returns:
        float `(n,)`.
    """
    found = [means.distances(rows) for rows, means in zip(features, class_means, strict=True)]
    if without is not None:
        found = [_without(each, without) for each in found]
    nearest: np.ndarray = np.mean([each.min(axis=1) for each in found], axis=0)
    return nearest


def auroc(known: np.ndarray, strangers: np.ndarray) -> float:
    """Returns the area under the ROC curve: how likely a stranger's distance is the larger.

    Args:
        known: `(n,)`, distances of images of the classes.
        strangers: `(m,)`, distances of other images. Ties count half.

    Example:
        >>> auroc(np.array([0.1, 0.5]), np.array([0.4, 0.9]))
        0.75
    """
    from scipy.stats import rankdata

    ranks = rankdata(np.concatenate([known, strangers]))[len(known) :]
    larger = ranks.sum() - len(strangers) * (len(strangers) + 1) / 2
    return float(larger / (len(known) * len(strangers)))


def _without(distances: np.ndarray, labels: np.ndarray) -> np.ndarray:
    others = distances.copy()
    others[np.arange(len(labels)), labels] = np.inf
    return others


def _fit(features: np.ndarray, labels: np.ndarray, num_classes: int) -> ClassMeans:
    from scipy.linalg import solve_triangular

    rows = normalize(features).astype(np.float64)
    means = np.stack([rows[labels == k].mean(axis=0) for k in range(num_classes)])
    root = np.linalg.cholesky(_shrunk_covariance(rows - means[labels]))
    between = solve_triangular(root, (means - means.mean(axis=0)).T, lower=True).T
    _, sizes, axes = np.linalg.svd(between, full_matrices=False)
    axes = axes[sizes > 1e-6 * sizes[0]]  # the means span one dimension less
    projection = solve_triangular(root.T, axes.T)
    return ClassMeans(means.astype(np.float32), projection.astype(np.float32))


def _shrunk_covariance(residuals: np.ndarray) -> np.ndarray:
    """Returns the covariance of residuals `(n, d)`, shrunk towards its mean variance.

    Reference:
        O. Ledoit and M. Wolf, *A Well-Conditioned Estimator for Large-Dimensional Covariance
        Matrices*, 2004.
    """
    count, channels = residuals.shape
    covariance = residuals.T @ residuals / count
    variance = np.trace(covariance) / channels
    size = (covariance**2).sum()
    error = ((residuals**2).sum(axis=1) ** 2).mean() - size
    away = size - channels * variance**2
    share = min(1.0, error / count / away) if away > 0 else 1.0
    # A little more, so that there is an inverse even if all images of a class are alike.
    diagonal = share * variance + 1e-6 * variance + 1e-12
    return (1 - share) * covariance + diagonal * np.eye(channels)


def _cross_validated(
    features: np.ndarray, labels: np.ndarray, num_classes: int
) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Returns the terms of images of classes with several, from means without them; and labels."""
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], np.arange(num_classes))
    folds = np.empty(len(labels), np.int64)
    folds[order] = (np.arange(len(labels)) - starts[labels[order]]) % FOLDS
    folds[np.bincount(labels, minlength=num_classes)[labels] == 1] = -1
    parts = [np.flatnonzero(folds == fold) for fold in range(FOLDS)]
    parts = [part for part in parts if len(part)]
    found = []
    for part in parts:
        rest = np.setdiff1d(np.arange(len(labels)), part)
        found.append(_fit(features[rest], labels[rest], num_classes).terms(features[part]))
    if not found:
        nothing = np.zeros((0, num_classes))
        return (nothing, nothing), np.zeros(0, np.int64)
    away, turned = (np.concatenate(each) for each in zip(*found, strict=True))
    return (away, turned), labels[np.concatenate(parts)]
