"""Temperature scaling and abstention, chosen on validation images and never on test images.

Temperature scaling divides the logarithms of all probabilities by one temperature (C. Guo et al.,
*On Calibration of Modern Neural Networks*, ICML 2017). It keeps the order of the classes, so it
does not change accuracy. A prediction is accepted if its largest probability reaches a threshold
(Y. Geifman and R. El-Yaniv, *Selective Classification for Deep Neural Networks*, NeurIPS 2017), and
if the image is not too far from all classes (`fgmix.evaluation.strangers`).
"""

import math
from dataclasses import dataclass

import numpy as np

from fgmix.errors import FgmixError

TINY = float(np.finfo(np.float32).tiny)
"""Lower bound of a probability, since zero has no logarithm."""

TEMPERATURES = (0.05, 20.0)


@dataclass(frozen=True)
class Abstention:
    """How an exported model calibrates its probabilities and when it abstains.

    Attributes:
        temperature: Divides the logarithms of the probabilities.
        threshold: The model abstains if the largest calibrated probability is below it.
        limit: The model abstains if the distance is above it; None for any distance.
    """

    temperature: float
    threshold: float
    limit: float | None = None


@dataclass(frozen=True)
class Selection:
    """The effect of an `Abstention` on a set of images.

    Attributes:
        images: The number of images.
        accepted: The number of accepted predictions.
        correct: The number of accepted predictions that are correct.
    """

    images: int
    accepted: int
    correct: int

    @property
    def coverage(self) -> float:
        """The share of predictions that are accepted."""
        return self.accepted / self.images

    @property
    def precision(self) -> float:
        """The share of accepted predictions that are correct; NaN if none is accepted."""
        return self.correct / self.accepted if self.accepted else math.nan

    def precision_interval(self) -> tuple[float, float]:
        """Returns Wilson's 95 % interval of the precision; (0, 1) if none is accepted."""
        from scipy.stats import binomtest

        if not self.accepted:
            return 0.0, 1.0
        found = binomtest(self.correct, self.accepted).proportion_ci(0.95, method="wilson")
        return float(found.low), float(found.high)


def calibrate(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Divides the logarithms of probabilities `(n, K)` by a temperature and normalises them.

    Example:
        >>> calibrate(np.array([[0.8, 0.2]]), 2.0).round(3).tolist()
        [[0.667, 0.333]]
    """
    scaled = np.log(np.maximum(probabilities, TINY)) / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def fit_temperature(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Finds the temperature with the least cross-entropy.

    Args:
        probabilities: `(n, K)`.
        labels: Integer `(n,)`.

    Returns:
        A temperature between the `TEMPERATURES`; 1 if every prediction is correct, because then the
        cross-entropy has no minimum: it falls as the temperature goes to zero.
    """
    from scipy.optimize import minimize_scalar

    if (probabilities.argmax(axis=1) == labels).all():
        return 1.0
    logarithms = np.log(np.maximum(probabilities.astype(np.float64), TINY))
    of_label = logarithms[np.arange(len(labels)), labels]

    # Convex in the inverse of the temperature.
    def cross_entropy(inverse: float) -> float:
        normalizer = np.log(np.exp(inverse * logarithms).sum(axis=1))
        return float((normalizer - inverse * of_label).mean())

    coolest, hottest = TEMPERATURES
    found = minimize_scalar(cross_entropy, bounds=(1 / hottest, 1 / coolest), method="bounded")
    return float(1 / found.x)


def select(
    probabilities: np.ndarray,
    labels: np.ndarray,
    abstention: Abstention,
    distances: np.ndarray | None = None,
) -> Selection:
    """Counts the accepted predictions and the correct ones among them.

    Args:
        probabilities: `(n, K)`, the model's outputs, not calibrated.
        labels: Integer `(n,)`.
        abstention: Temperature, threshold and limit.
        distances: `(n,)`, how far the images are from all classes; for a limit.
    """
    calibrated = calibrate(probabilities, abstention.temperature)
    accepted = calibrated.max(axis=1) >= abstention.threshold
    if abstention.limit is not None and distances is not None:
        accepted &= distances <= abstention.limit
    correct = accepted & (calibrated.argmax(axis=1) == labels)
    return Selection(len(labels), int(accepted.sum()), int(correct.sum()))


def limit_for_share(distances: np.ndarray, target: float) -> float:
    """Returns the lowest limit that at least a share of the distances does not exceed.

    Args:
        distances: `(n,)`.
        target: The share, above 0 and at most 1.

    Example:
        >>> limit_for_share(np.array([0.4, 0.5, 0.7, 2.0]), 0.75)
        1.35
    """
    ordered = np.sort(distances)
    wanted = math.ceil(target * len(ordered) - 1e-9)
    count = int(np.searchsorted(ordered, ordered[wanted - 1], side="right"))  # ties go together
    # Midway to the next one, or a little above the last, so that rounding moves none across.
    above = ordered[count] if count < len(ordered) else ordered[-1] * 1.01
    return float(ordered[count - 1] + above) / 2


def threshold_for_coverage(confidences: np.ndarray, target: float) -> float:
    """Returns the highest threshold that accepts at least a share of the predictions.

    Args:
        confidences: `(n,)`, the largest probability of each image.
        target: The share, above 0 and at most 1.

    Example:
        >>> threshold_for_coverage(np.array([0.9, 0.8, 0.6, 0.3]), 0.5)
        0.7
    """
    # 0.7 of 10 images is 7; in floats it is 7.000000000000001.
    wanted = math.ceil(target * len(confidences) - 1e-9)
    ordered = np.sort(confidences)[::-1]
    count = int(np.searchsorted(-ordered, -ordered[wanted - 1], side="right"))  # ties go together
    return _threshold(ordered, count)


def threshold_for_precision(confidences: np.ndarray, correct: np.ndarray, target: float) -> float:
    """Returns the threshold that accepts most predictions with a wanted precision.

    Thresholds that accept fewer than `1 / (1 - target)` predictions are not considered: a single
    mistake decides whether so few reach the target.

    Args:
        confidences: `(n,)`, the largest probability of each image.
        correct: bool `(n,)`, whether the prediction is correct.
        target: The precision, between 0 and 1.

    Raises:
        FgmixError: If no threshold reaches the precision. The message names the best one.
    """
    fewest = math.ceil(1 / (1 - target) - 1e-9)
    if len(confidences) < fewest:
        raise FgmixError(
            f"precision {target:g} can't be measured on {len(confidences)} validation photos: it "
            f"needs at least {fewest}; train with more (--val-fraction) or choose a lower target"
        )
    order = np.argsort(-confidences, kind="stable")
    ordered = confidences[order]
    precisions = np.cumsum(correct[order]) / np.arange(1, len(ordered) + 1)
    counts = np.flatnonzero(np.append(ordered[:-1] > ordered[1:], True)) + 1  # ties go together
    counts = counts[counts >= fewest]
    reached = counts[precisions[counts - 1] >= target]
    if not len(reached):
        best = int(counts[precisions[counts - 1].argmax()])
        raise FgmixError(
            f"no threshold reaches precision {target:g} on the {len(ordered)} validation photos: "
            f"the best is {precisions[best - 1]:.3f}, accepting {best / len(ordered):.0%} of "
            f"them; choose a lower target"
        )
    return _threshold(ordered, int(reached[-1]))


def _threshold(ordered: np.ndarray, count: int) -> float:
    """Returns a threshold that only the first `count` of descending confidences reach.

    It lies midway between two confidences, so that rounding moves neither to the other side.
    """
    return float(ordered[count - 1] + ordered[count]) / 2 if count < len(ordered) else 0.0
