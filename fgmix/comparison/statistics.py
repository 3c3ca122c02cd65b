"""Accuracies and their differences, with both images and seeds as random samples.

A run predicts every image correctly or not. McNemar's exact test compares groups of one seed each;
a t test with the error of `fgmix.comparison.variance` compares larger groups.
docs/explanation/statistics.md explains the choice and shows simulations. Accuracies and differences
are fractions, not percents.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fgmix.comparison.variance import (
    SeedTerm,
    crossed_error,
    image_variance_of,
    residual_of,
    seed_variance_of,
)

LEVEL = 0.05
"""The significance level: intervals cover with probability `1 - LEVEL`."""


@dataclass(frozen=True)
class Accuracy:
    """The accuracy of a group of seeds.

    Attributes:
        seeds: The accuracy of each seed.
        mean: Their mean.
        std: Their sample standard deviation; None for a single seed.
        low: The lower bound of the 95 % interval of the mean.
        high: Its upper bound. With one seed, the interval covers the choice of images alone.
    """

    seeds: tuple[float, ...]
    mean: float
    std: float | None
    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """The accuracy of a group minus that of its baseline.

    Attributes:
        mean: The difference.
        low: The lower bound of its 95 % interval.
        high: Its upper bound.
        p_value: Two-sided, not corrected for other comparisons.
        images: The number of images.
        seeds: The numbers of seeds of the group and the baseline.
        gained: Images that the group predicts correctly and the baseline does not, mean over pairs
            of seeds.
        lost: Images that the baseline predicts correctly and the group does not.
        error: The standard error; None with one seed each, where the test does not use it.
        freedom: The degrees of freedom of its t distribution; None with one seed each.
        seed_variances: The variance of the accuracy between seeds, of the group and the baseline,
            each at least what independent predictions give. A group with a single seed takes that
            of the other; None with one seed each.
        image_variance: The part of the variance of `mean` that is due to the choice of images and
            that more seeds do not reduce; None with one seed each.
    """

    mean: float
    low: float
    high: float
    p_value: float
    images: int
    seeds: tuple[int, int]
    gained: float
    lost: float
    error: float | None = None
    freedom: float | None = None
    seed_variances: tuple[float, float] | None = None
    image_variance: float | None = None

    @property
    def of_runs(self) -> bool:
        """Whether it compares two runs, and not the ways in which they were trained."""
        return self.error is None


def mean_and_std(values: Sequence[float]) -> tuple[float, float | None]:
    """Returns mean and sample standard deviation of the seeds' values; None for a single one."""
    return statistics.mean(values), statistics.stdev(values) if len(values) > 1 else None


def measure_accuracy(correct: np.ndarray) -> Accuracy:
    """Returns the accuracy of a group of seeds, with its 95 % interval.

    The interval is Wilson's, with the effective sample size: the number of independent images that
    would give the joint variance of images and seeds, as for surveys (E. L. Korn and B. I.
    Graubard, *Confidence intervals for proportions with small expected number of positive counts
    estimated from survey data*, Survey Methodology 24, 1998).

    Args:
        correct: bool `(n, N)`, a row a seed.
    """
    from scipy.stats import norm, t

    seeds, images = correct.shape
    accuracies = correct.mean(axis=1)
    mean, std = mean_and_std(accuracies.tolist())
    plain = mean * (1 - mean)
    count, quantile = float(images), float(norm.ppf(1 - LEVEL / 2))
    if std is not None and plain:
        residual = residual_of(correct) or 0.0
        shared = image_variance_of(correct.mean(axis=0), residual / seeds)
        terms = [SeedTerm(std**2, seeds, residual / images)]
        error, freedom = crossed_error(terms, shared, images)
        if error:
            count, quantile = plain / error**2, float(t.ppf(1 - LEVEL / 2, freedom))
    square = quantile**2
    middle = (mean + square / (2 * count)) / (1 + square / count)
    half = quantile * math.sqrt(plain / count + square / (4 * count**2)) / (1 + square / count)
    # By rounding, a bound at 0 or 1 may otherwise be on the wrong side of the mean.
    low, high = min(mean, max(0.0, middle - half)), max(mean, min(1.0, middle + half))
    return Accuracy(tuple(accuracies.tolist()), mean, std, low, high)


def compare_accuracies(correct: np.ndarray, baseline: np.ndarray) -> Difference:
    """Compares two groups on the same images.

    Groups of one seed each are compared by McNemar's exact test, which tests whether these two
    runs differ on such images. Larger groups are compared by a t test with images and seeds as
    crossed random effects. The seeds of the two groups are treated as independent.

    Args:
        correct: bool `(n, N)`, a row a seed, of the group.
        baseline: bool `(m, N)`, of what it is compared with.
    """
    if len(correct) == len(baseline) == 1:
        return mcnemar(correct[0], baseline[0])
    return _crossed(correct, baseline)


def mcnemar(correct: np.ndarray, baseline: np.ndarray) -> Difference:
    """Returns McNemar's exact test of two runs, with Bonett and Price's interval.

    The test conditions on the number of images that only one run predicts correctly: the group's
    part of them is binomial, and under the null hypothesis a half. The interval does not condition
    on that number. Near the significance level the two can disagree; the verdict is the test's.

    Args:
        correct: bool `(N,)`.
        baseline: bool `(N,)`.
    """
    from scipy.stats import binomtest

    images = len(correct)
    gained = int((correct & ~baseline).sum())
    lost = int((baseline & ~correct).sum())
    changed = gained + lost
    p_value = float(binomtest(gained, changed).pvalue) if changed else 1.0
    low, high = bonett_price(gained, lost, images)
    return Difference(
        (gained - lost) / images, low, high, p_value, images, (1, 1), float(gained), float(lost)
    )


def bonett_price(gained: int, lost: int, images: int) -> tuple[float, float]:
    """Returns the 95 % interval of a difference of paired proportions.

    D. G. Bonett and R. M. Price, *Adjusted Wald confidence interval for a difference of binomial
    proportions based on paired data*, Journal of Educational and Behavioral Statistics 37, 2012.

    Args:
        gained: Images that only the group predicts correctly.
        lost: Images that only the baseline predicts correctly.
        images: The number of images.
    """
    from scipy.stats import norm

    gain, loss = (gained + 1) / (images + 2), (lost + 1) / (images + 2)
    middle = gain - loss
    error = math.sqrt((gain + loss - middle**2) / (images + 2))
    half = float(norm.ppf(1 - LEVEL / 2)) * error
    return max(-1.0, middle - half), min(1.0, middle + half)


def _crossed(correct: np.ndarray, baseline: np.ndarray) -> Difference:
    from scipy.stats import binomtest, t

    (n, images), m = correct.shape, len(baseline)
    means = correct.mean(axis=0), baseline.mean(axis=0)
    difference = means[0] - means[1]
    mean = float(difference.mean())
    gained = float((means[0] * (1 - means[1])).sum())
    lost = float((means[1] * (1 - means[0])).sum())
    # A single seed gives no variance, so the other group's is used.
    own = [seed_variance_of(correct), seed_variance_of(baseline)]
    variances = [next(v for v in pair if v is not None) for pair in (own, own[::-1])]
    noise = [residual_of(correct), residual_of(baseline)]
    residuals = [next(r for r in pair if r is not None) for pair in (noise, noise[::-1])]
    unexplained = residuals[0] / n + residuals[1] / m
    image_variance = image_variance_of(difference, unexplained)
    terms = [
        SeedTerm(variance, count, residual / images)
        for variance, count, residual in zip(variances, (n, m), residuals, strict=True)
    ]
    known = (terms[0].floored, terms[1].floored)
    if n == 1 or m == 1:  # one estimate serves both, so its degrees of freedom count once
        count = max(n, m)
        both = count * (1 / n + 1 / m)
        terms = [SeedTerm(both * variances[0], count, both * residuals[0] / images)]
    error, freedom = crossed_error(terms, image_variance, images)
    if error < 1e-7:  # rounding error, far below the effect of one prediction
        error = 0.0
    half, p_value = 0.0, 1.0
    if error:
        half = float(t.ppf(1 - LEVEL / 2, freedom)) * error
        p_value = float(2 * t.sf(abs(mean) / error, freedom))
    elif mean:  # all seeds of one group are correct on every image, all of the other on none
        p_value = float(binomtest(images, images).pvalue)
    return Difference(
        mean,
        max(-1.0, mean - half),
        min(1.0, mean + half),
        p_value,
        images,
        (n, m),
        gained,
        lost,
        error,
        freedom,
        known,
        image_variance,
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Corrects p-values for multiple testing.

    S. Holm, *A simple sequentially rejective multiple test procedure*, Scandinavian Journal of
    Statistics 6, 1979. The family-wise error rate is controlled under any dependence of the tests.
    """
    corrected = [0.0] * len(p_values)
    least = 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[i]))
        corrected[i] = least
    return corrected
