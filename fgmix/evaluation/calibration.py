"""Honest probabilities, and when to give no answer: chosen on validation photos, never on test.

One temperature divides the logarithms of all probabilities (C. Guo et al., *On Calibration of
Modern Neural Networks*, ICML 2017). It changes no order, so no accuracy. A photo is answered if its
largest probability reaches a threshold (Y. Geifman and R. El-Yaniv, *Selective Classification for
Deep Neural Networks*, NeurIPS 2017).
"""

import math
from dataclasses import dataclass

import numpy as np

from fgmix.errors import FgmixError

TINY = float(np.finfo(np.float32).tiny)
"""What a probability counts as at least, since zero has no logarithm."""

TEMPERATURES = (0.05, 20.0)


@dataclass(frozen=True)
class Abstention:
    """How an exported model calibrates and when it answers.

    Attributes:
        temperature: Divides the logarithms of the probabilities.
        threshold: The largest calibrated probability has to reach it.
    """

    temperature: float
    threshold: float


@dataclass(frozen=True)
class Selection:
    """What an `Abstention` comes to on a set of photos.

    Attributes:
        photos: How many there are.
        accepted: How many of them are answered.
        correct: How many of the answers are right.
    """

    photos: int
    accepted: int
    correct: int

    @property
    def coverage(self) -> float:
        """The share of photos that are answered."""
        return self.accepted / self.photos

    @property
    def precision(self) -> float:
        """The share of answers that are right; not a number where there are none."""
        return self.correct / self.accepted if self.accepted else math.nan

    def precision_interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the precision; from 0 to 1 where there are no answers."""
        from scipy.stats import binomtest

        if not self.accepted:
            return 0.0, 1.0
        found = binomtest(self.correct, self.accepted).proportion_ci(0.95, method="wilson")
        return float(found.low), float(found.high)


def calibrate(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Divides the logarithms of probabilities `(n, K)` by a temperature, and normalises."""
    scaled = np.log(np.maximum(probabilities, TINY)) / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def fit_temperature(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Finds the temperature with the least cross-entropy.

    Args:
        probabilities: `(n, K)`.
        labels: Integer `(n,)`.

    Returns:
        A temperature from `TEMPERATURES`; 1 if every photo is classified rightly, when the
        cross-entropy only falls as the temperature goes to zero.
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


def select(probabilities: np.ndarray, labels: np.ndarray, abstention: Abstention) -> Selection:
    """Counts what is answered, and answered rightly.

    Args:
        probabilities: `(n, K)`, as the model gives them: not calibrated.
        labels: Integer `(n,)`.
        abstention: Calibration and threshold.
    """
    calibrated = calibrate(probabilities, abstention.temperature)
    accepted = calibrated.max(axis=1) >= abstention.threshold
    correct = accepted & (calibrated.argmax(axis=1) == labels)
    return Selection(len(labels), int(accepted.sum()), int(correct.sum()))


def threshold_for_coverage(confidences: np.ndarray, target: float) -> float:
    """Finds the highest threshold that answers at least a share of the photos.

    Args:
        confidences: `(n,)`, the largest probability of each photo.
        target: The share, above 0 and at most 1.
    """
    # Of 10 photos 0.7 is 7; as floats it comes out as 7.000000000000001.
    wanted = math.ceil(target * len(confidences) - 1e-9)
    ordered = np.sort(confidences)[::-1]
    count = int(np.searchsorted(-ordered, -ordered[wanted - 1], side="right"))  # ties go together
    return _threshold(ordered, count)


def threshold_for_precision(confidences: np.ndarray, correct: np.ndarray, target: float) -> float:
    """Finds the threshold that answers most photos with a wanted precision.

    Sets of fewer than `1 / (1 - target)` photos are passed over: without one mistake they would
    show a perfect precision, and with one they would miss the target.

    Args:
        confidences: `(n,)`, the largest probability of each photo.
        correct: bool `(n,)`, whether its class is the true one.
        target: The precision, between 0 and 1.

    Raises:
        FgmixError: If no threshold reaches it, with what can be reached.
    """
    fewest = math.ceil(1 / (1 - target) - 1e-9)
    if len(confidences) < fewest:
        raise FgmixError(
            f"precision {target:g} can't be told from {len(confidences)} validation photos: it "
            f"takes at least {fewest}; train with more (--val-fraction) or ask for less"
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
            f"the best is {precisions[best - 1]:.3f}, answering {best / len(ordered):.0%} of "
            f"them; ask for less"
        )
    return _threshold(ordered, int(reached[-1]))


def _threshold(ordered: np.ndarray, count: int) -> float:
    """A threshold that the first `count` of falling confidences reach, and no other.

    It lies midway between two photos, so that rounding moves neither to the other side.
    """
    return float(ordered[count - 1] + ordered[count]) / 2 if count < len(ordered) else 0.0
