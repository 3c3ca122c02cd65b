"""Which unlabelled images to label next: uncertain ones that differ from each other.

Reference:
    Ash et al., *Deep Batch Active Learning by Diverse, Uncertain Gradient Lower Bounds*, 2020
    (BADGE).
"""

import numpy as np


def choose_to_label(
    probabilities: np.ndarray, features: np.ndarray, count: int, seed: int = 0
) -> np.ndarray:
    """Chooses images whose labels would change a classifier most, and in different ways.

    An image stands for the gradient that the last layer would have if the predicted class were
    right: the outer product of `p - onehot(argmax p)` and the features. It is long where the
    prediction is uncertain, and points elsewhere for another class or another kind of image. The
    images are drawn as the centres of k-means++ are, each with a probability in proportion to the
    square of its distance from the nearest of those drawn before and zero, where an image would
    change nothing. The first is the most uncertain one.

    Args:
        probabilities: float `(n, K)`.
        features: float `(n, d)`, of the classifier's last feature map. Their length does not count.
        count: How many to choose; all if there are no more.
        seed: Of the draws.

    Returns:
        Their indices, int `(min(n, count),)`, in the order in which they were drawn.

    Example:
        >>> sure, unsure = [0.98, 0.01, 0.01], [0.4, 0.35, 0.25]
        >>> features = np.array([[1.0, 0.0], [1.0, 0.01], [0.0, 1.0], [1.0, 1.0]])
        >>> sorted(choose_to_label(np.array([unsure, unsure, unsure, sure]), features, 2).tolist())
        [0, 2]
    """
    residuals = probabilities.astype(np.float64)
    residuals[np.arange(len(residuals)), residuals.argmax(axis=1)] -= 1
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    units = (features / np.maximum(lengths, np.finfo(np.float32).tiny)).astype(np.float32)
    # Of outer products, inner products are products of inner products; none has to be stored.
    squares = np.square(residuals).sum(axis=1)

    def distances(index: int) -> np.ndarray:
        products = (residuals @ residuals[index]) * (units @ units[index])
        return np.maximum(squares + squares[index] - 2 * products, 0)

    rng = np.random.default_rng(seed)
    chosen: list[int] = []
    left = np.ones(len(residuals), bool)
    nearest = squares.copy()
    while len(chosen) < min(count, len(residuals)):
        weights = np.where(left, nearest, 0)
        if not chosen or weights.sum() <= 0:  # none differs from those that are chosen
            index = int(np.where(left, squares, -1).argmax())
        else:
            index = int(rng.choice(len(weights), p=weights / weights.sum()))
        nearest = np.minimum(nearest, distances(index))
        left[index] = False
        chosen.append(index)
    return np.array(chosen, np.int64)
