"""Accuracies and their differences, where photos and seeds are both drawn by chance.

A run answers every photo rightly or wrongly. Photos are a sample of those that could have been
taken, seeds of the trainings that could have been run, and every seed of every group answers every
photo: crossed random effects. Their variances are those of multi-reader multi-case studies in
radiology, seeds in place of readers (S. L. Hillis, *A comparison of denominator degrees of freedom
methods for multiple observer ROC analysis*, Statistics in Medicine 26, 2007; of readers nested in
modalities: *A marginal-mean ANOVA approach for analyzing multireader multicase radiological imaging
data*, 33, 2014). docs/comparison.md says why, and what simulation showed.

Accuracies and differences are fractions here, not percents.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LEVEL = 0.05
"""An interval covers with probability `1 - LEVEL`; a smaller p shows a difference."""


@dataclass(frozen=True)
class Accuracy:
    """The accuracy of a group of seeds.

    Attributes:
        seeds: The accuracy of each seed.
        mean: Their mean.
        deviation: Their sample standard deviation; None for a single seed.
        low: Where the 95 % interval of the mean begins.
        high: Where it ends. With one seed the interval is over photos alone.
    """

    seeds: tuple[float, ...]
    mean: float
    deviation: float | None
    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """The accuracy of a group less its baseline's.

    Attributes:
        mean: The difference.
        low: Where its 95 % interval begins.
        high: Where it ends.
        p_value: Two-sided, not corrected for other comparisons.
        photos: How many there are.
        seeds: How many the group and the baseline have.
        gained: Photos that the group answers rightly and the baseline wrongly; a mean over pairs
            of seeds.
        lost: The other way round.
        error: The standard error; None with one seed each, where the test has no need of it.
        freedom: The degrees of freedom of its t distribution; None with one seed each.
        seed_variances: Of the accuracy between seeds, the group's and the baseline's; None with
            one seed each. A single seed borrows the other group's.
        photo_variance: What the choice of photos adds to the variance of `mean`, however many
            seeds there are; None with one seed each, where it can't be told.
    """

    mean: float
    low: float
    high: float
    p_value: float
    photos: int
    seeds: tuple[int, int]
    gained: float
    lost: float
    error: float | None = None
    freedom: float | None = None
    seed_variances: tuple[float, float] | None = None
    photo_variance: float | None = None

    @property
    def of_runs(self) -> bool:
        """Whether it says something of two runs alone, and nothing of how they were trained."""
        return self.error is None


def spread(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean and sample standard deviation of the seeds' values; a single one has no deviation."""
    mean = math.fsum(values) / len(values)
    if len(values) < 2:
        return mean, None
    return mean, math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (len(values) - 1))


def measure_accuracy(right: np.ndarray) -> Accuracy:
    """The accuracy of a group of seeds, with its 95 % interval.

    The interval is Wilson's, of as many independent photos as would give the variance that photos
    and seeds give together, as is done for surveys (E. L. Korn and B. I. Graubard, *Confidence
    intervals for proportions with small expected number of positive counts estimated from survey
    data*, Survey Methodology 24, 1998).

    Args:
        right: bool `(n, N)`, a row a seed.
    """
    from scipy.stats import norm, t

    seeds, photos = right.shape
    accuracies = right.mean(axis=1)
    mean, deviation = spread(accuracies.tolist())
    plain = mean * (1 - mean)
    count, quantile = float(photos), float(norm.ppf(1 - LEVEL / 2))
    if deviation is not None and plain:
        shared = _photo_variance(right.mean(axis=0), (_residual(right) or 0.0) / seeds)
        error, freedom = crossed_error([(deviation**2, seeds)], shared, photos)
        if error:
            count, quantile = plain / error**2, float(t.ppf(1 - LEVEL / 2, freedom))
    square = quantile**2
    middle = (mean + square / (2 * count)) / (1 + square / count)
    half = quantile * math.sqrt(plain / count + square / (4 * count**2)) / (1 + square / count)
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return Accuracy(tuple(accuracies.tolist()), mean, deviation, low, high)


def compare_accuracies(right: np.ndarray, baseline: np.ndarray) -> Difference:
    """Compares two groups on the same photos.

    One seed each: McNemar's exact test, which tells whether these two runs differ on photos like
    these. More: a t test with photos and seeds as crossed random effects. The seeds of the two
    groups count as independent of each other.

    Args:
        right: bool `(n, N)`, a row a seed, of the group.
        baseline: bool `(m, N)`, of what it is compared with.
    """
    if len(right) == len(baseline) == 1:
        return mcnemar(right[0], baseline[0])
    return _crossed(right, baseline)


def mcnemar(right: np.ndarray, baseline: np.ndarray) -> Difference:
    """McNemar's exact test of two runs, and the interval that belongs to it.

    Given the number of photos that only one run answers rightly, the group's share of them is
    binomial: the test asks whether it is a half, and Clopper and Pearson's interval of it gives the
    difference's. The interval excludes zero exactly if p is less than 0.05.

    Args:
        right: bool `(N,)`.
        baseline: bool `(N,)`.
    """
    from scipy.stats import binomtest

    photos = len(right)
    gained = int((right & ~baseline).sum())
    lost = int((baseline & ~right).sum())
    changed = gained + lost
    low = high = 0.0
    p_value = 1.0
    if changed:
        test = binomtest(gained, changed)
        share = test.proportion_ci(1 - LEVEL, method="exact")
        low, high = ((2 * float(s) - 1) * changed / photos for s in (share.low, share.high))
        p_value = float(test.pvalue)
    return Difference(
        (gained - lost) / photos, low, high, p_value, photos, (1, 1), float(gained), float(lost)
    )


def _crossed(right: np.ndarray, baseline: np.ndarray) -> Difference:
    from scipy.stats import binomtest, t

    (n, photos), m = right.shape, len(baseline)
    means = right.mean(axis=0), baseline.mean(axis=0)
    difference = means[0] - means[1]
    mean = float(difference.mean())
    gained = float((means[0] * (1 - means[1])).sum())
    lost = float((means[1] * (1 - means[0])).sum())
    own = [_seed_variance(right), _seed_variance(baseline)]
    residuals = [_residual(right), _residual(baseline)]
    # A single seed shows no variance: that of the other group stands in.
    first, second = (next(v for v in pair if v is not None) for pair in (own, own[::-1]))
    noise = (next(r for r in pair if r is not None) for pair in (residuals, residuals[::-1]))
    unexplained = sum(r / count for r, count in zip(noise, (n, m), strict=True))
    photo_variance = _photo_variance(difference, unexplained)
    terms = [(first, n), (second, m)]
    if n == 1 or m == 1:  # and its degrees of freedom are only there once
        terms = [(first * (1 / n + 1 / m) * max(n, m), max(n, m))]
    error, freedom = crossed_error(terms, photo_variance, photos)
    half, p_value = 0.0, 1.0
    if error:
        half = float(t.ppf(1 - LEVEL / 2, freedom)) * error
        p_value = float(2 * t.sf(abs(mean) / error, freedom))
    elif mean:  # every seed of one group is right on all photos, every one of the other on none
        p_value = float(binomtest(photos, photos).pvalue)
    return Difference(
        mean,
        mean - half,
        mean + half,
        p_value,
        photos,
        (n, m),
        gained,
        lost,
        error,
        freedom,
        (first, second),
        photo_variance,
    )


def crossed_error(
    seed_terms: Sequence[tuple[float, int]], photo_variance: float, photos: int
) -> tuple[float, float]:
    """The standard error of a mean over photos and seeds, and its degrees of freedom.

    Satterthwaite's degrees of freedom as Hillis gives them, where only the variance between seeds
    is uncertain; but never more than the photos have.

    Args:
        seed_terms: For each group the variance of the accuracy between seeds, and how many seeds.
        photo_variance: What the choice of photos adds to the variance of the mean.
        photos: How many there are.
    """
    parts = [(variance / count, count - 1) for variance, count in seed_terms]
    whole = sum(part for part, _ in parts) + photo_variance
    uncertain = sum(part**2 / freedom for part, freedom in parts)
    most = float(max(photos - 1, 1))
    return math.sqrt(whole), min(most, whole**2 / uncertain) if uncertain else most


def _seed_variance(right: np.ndarray) -> float | None:
    return float(right.mean(axis=1).var(ddof=1)) if len(right) > 1 else None


def _residual(right: np.ndarray) -> float | None:
    """The mean square that neither photos nor seeds explain; None for a single seed."""
    seeds, photos = right.shape
    if seeds < 2:
        return None
    if photos < 2:
        return 0.0
    # Of answers that are 0 or 1 the sum of squares is the sum.
    mean = right.mean()
    total = right.sum() - right.size * mean**2
    by_photo = seeds * ((right.mean(axis=0) - mean) ** 2).sum()
    by_seed = photos * ((right.mean(axis=1) - mean) ** 2).sum()
    return float(max(0.0, total - by_photo - by_seed) / ((seeds - 1) * (photos - 1)))


def _photo_variance(by_photo: np.ndarray, unexplained: float) -> float:
    """What the choice of photos adds to the variance of a mean over them.

    Args:
        by_photo: `(N,)`, each photo's mean over seeds.
        unexplained: The part of its variance that more seeds would average away.
    """
    if len(by_photo) < 2:
        return 0.0
    return max(0.0, float(by_photo.var(ddof=1)) - unexplained) / len(by_photo)


def holm(p_values: Sequence[float]) -> list[float]:
    """Corrects p-values for how many there are.

    S. Holm, *A simple sequentially rejective multiple test procedure*, Scandinavian Journal of
    Statistics 6, 1979: the probability of any false alarm is kept, whatever the tests have in
    common.
    """
    corrected = [0.0] * len(p_values)
    least = 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[i]))
        corrected[i] = least
    return corrected
