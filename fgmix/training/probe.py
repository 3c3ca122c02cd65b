"""A linear probe in closed form: regularised discriminant analysis of pretrained features.

Classes are taken for normal distributions that share one covariance, estimated within classes and
shrunk towards a multiple of the identity, the more the fewer images there are. A fit takes seconds
and has no learning rate, no epochs and no seed.

All classes count alike, however many images they have, so a probe needs no class weights: there is
no term for how frequent a class is. Only the covariance, which all classes share, is estimated from
images with equal weights, and so is the factor that calibrates the logits, which changes no order.

Reference:
    Friedman, *Regularized Discriminant Analysis*, 1989.
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar

SHRINKAGE_IMAGES = 50
"""The shrinkage is a half with this many images more than classes."""

RIDGE = 10.0
"""The identity's multiple, in mean eigenvalues of the covariance."""

FOLDS = 3
MARGIN = 4.0
"""Mean logit of a class's own mean over the runner-up's, if classes are too small for folds."""

FACTORS = (1e-5, 1e2)
"""The range of the factor that calibrates the logits."""

Array = np.ndarray


class Probe(NamedTuple):
    """A linear classifier, `logits = features @ kernel + bias`.

    Attributes:
        kernel: float32 `(d, K)`.
        bias: float32 `(K,)`.
        accuracy: The share of training images that a probe fitted without them classifies
            correctly, in cross-validation; None if a class has too few images for it.
    """

    kernel: Array
    bias: Array
    accuracy: float | None


def fit_probe(features: Array, labels: Array, images: Array, num_classes: int) -> Probe:
    """Fits a probe.

    Args:
        features: float32 `(n, d)`, centred. An image may have several rows: its views.
        labels: int `(n,)`, the class of each row. Every class has a row.
        images: int `(n,)`, the image of each row. The rows of an image are held out together.
        num_classes: `K`.

    Returns:
        The probe. Its probabilities are calibrated on held-out images.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> labels = np.arange(60) % 2
        >>> features = rng.normal(labels[:, None] - 0.5, 0.5, (60, 8)).astype("float32")
        >>> probe = fit_probe(features, labels, np.arange(60), num_classes=2)
        >>> bool(np.mean((features @ probe.kernel + probe.bias).argmax(1) == labels) > 0.9)
        True
    """
    kernel, bias = _discriminant(features, labels, images, num_classes)
    folds = _folds(labels, images)
    if folds is None:
        # Held-out images would leave classes with next to nothing, so their logits tell too little.
        accuracy = None
        factor = MARGIN / max(_margin(features, labels, kernel, bias, num_classes), 1e-6)
    else:
        logits = np.empty((len(features), num_classes), np.float32)
        for fold in range(FOLDS):
            held = folds == fold
            rows = (features[~held], labels[~held], images[~held])
            fold_kernel, fold_bias = _discriminant(*rows, num_classes)
            logits[held] = features[held] @ fold_kernel + fold_bias
        accuracy = float(np.mean(logits.argmax(axis=1) == labels))
        factor = _calibrate(logits, labels)
    return Probe((kernel * factor).astype(np.float32), (bias * factor).astype(np.float32), accuracy)


def _discriminant(
    features: Array, labels: Array, images: Array, num_classes: int
) -> tuple[Array, Array]:
    """Returns kernel `(d, K)` and bias `(K,)` of the discriminant functions.

    With covariance `S` these are `S^-1 m` and `-m' S^-1 m / 2` for a class of mean `m`. With
    eigenvalues `e` and eigenvectors `V` of the covariance `C` within classes, and shrinkage `a`,
    `S = (1 - a) C + g I`, so `S^-1` is `I / g` and a correction in the space of `V`.
    """
    means = _class_means(features, labels, num_classes)
    values, vectors = _eigen(features - means[labels])
    surplus = max(len(np.unique(images)) - num_classes, 0)
    shrinkage = SHRINKAGE_IMAGES / (SHRINKAGE_IMAGES + surplus)
    # With one image of each class, all residuals can be zero.
    ground = shrinkage * RIDGE * max(float(values.sum()), 1e-6) / features.shape[1]
    correction = 1 / ((1 - shrinkage) * values + ground) - 1 / ground
    solved = means / ground + ((means @ vectors) * correction) @ vectors.T
    return solved.T, -0.5 * (solved * means).sum(axis=1)


def _class_means(features: Array, labels: Array, num_classes: int) -> Array:
    means = np.zeros((num_classes, features.shape[1]), np.float32)
    np.add.at(means, labels, features)
    return means / np.bincount(labels, minlength=num_classes)[:, None].astype(np.float32)


def _eigen(residuals: Array) -> tuple[Array, Array]:
    """Returns the eigenvalues `(r,)` and eigenvectors `(d, r)` of `R'R / n`, without zeros."""
    n, d = residuals.shape
    if n > d:
        values, vectors = np.linalg.eigh(residuals.T @ residuals / n)
    else:  # the smaller matrix with the same eigenvalues
        values, left = np.linalg.eigh(residuals @ residuals.T / n)
        vectors = residuals.T @ (left / np.sqrt(np.maximum(values, 1e-12) * n))
    kept = values > max(values[-1] * 1e-6, 1e-12)
    return values[kept], vectors[:, kept]


def _folds(labels: Array, images: Array) -> Array | None:
    """Returns the fold of every row, or None if a class has fewer images than there are folds."""
    rng = np.random.default_rng(0)
    fold = np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        distinct, which = np.unique(images[rows], return_inverse=True)
        if len(distinct) < FOLDS:
            return None
        fold[rows] = (rng.permutation(len(distinct)) % FOLDS)[which]
    return fold


def _margin(features: Array, labels: Array, kernel: Array, bias: Array, num_classes: int) -> float:
    """Returns the mean difference of a class mean's own logit and the next largest."""
    logits = _class_means(features, labels, num_classes) @ kernel + bias
    own = np.diag(logits).copy()
    np.fill_diagonal(logits, -np.inf)
    return float(np.mean(own - logits.max(axis=1)))


def _calibrate(logits: Array, labels: Array) -> float:
    """Returns the factor of the logits with the smallest cross-entropy."""

    def loss(log_factor: float) -> float:
        scaled = np.exp(log_factor) * logits
        scaled -= scaled.max(axis=1, keepdims=True)
        of_label = scaled[np.arange(len(labels)), labels]
        return float(np.mean(np.log(np.exp(scaled).sum(axis=1)) - of_label))

    best = minimize_scalar(loss, bounds=np.log(FACTORS), method="bounded", options={"xatol": 0.02})
    return float(np.exp(best.x))
