"""The loss that is measured: unweighted in `history.csv` (validation, test) and `metrics.json`."""

import numpy as np


def cross_entropy(
    probabilities: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None
) -> float:
    """Returns the mean cross-entropy in nats, without label smoothing.

    Args:
        probabilities: `(n, K)`.
        labels: Integer `(n,)`.
        weights: The weights of the classes, `(K,)`: factors of the losses before the mean.

    Example:
        >>> cross_entropy(np.array([[0.5, 0.5], [1.0, 0.0]]), np.array([0, 0]))
        0.34657359027997264
    """
    of_label = probabilities[np.arange(len(labels)), labels]
    losses = -np.log(np.maximum(of_label, np.finfo(np.float32).tiny))
    if weights is not None:
        losses = losses * weights[labels]
    return float(losses.mean()) + 0.0  # 0 rather than -0
