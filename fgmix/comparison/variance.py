"""The variance of a mean over photos and seeds.

Photos are a sample of those that could have been taken, seeds of the trainings that could have been
run, and every seed of every group answers every photo: crossed random effects. Their variances are
those of multi-reader multi-case studies in radiology, seeds in place of readers (S. L. Hillis, *A
comparison of denominator degrees of freedom methods for multiple observer ROC analysis*, Statistics
in Medicine 26, 2007; of readers nested in modalities: *A marginal-mean ANOVA approach for analyzing
multireader multicase radiological imaging data*, 33, 2014), with a floor under the variance between
seeds, since components of variance can't be negative.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class SeedTerm:
    """What the seeds of a group add to the variance of a mean over photos and seeds.

    Attributes:
        variance: Of the accuracy between seeds.
        seeds: How many there are.
        least: What single answers alone make of that variance. Two or three seeds can be closer
            together by luck, which would make the error too small.
    """

    variance: float
    seeds: int
    least: float = 0.0

    @property
    def floored(self) -> float:
        """The variance, but no less than `least`."""
        return max(self.variance, self.least)


def crossed_error(
    terms: Sequence[SeedTerm], image_variance: float, images: int
) -> tuple[float, float]:
    """The standard error of a mean over photos and seeds, and its degrees of freedom.

    Satterthwaite's degrees of freedom as Hillis gives them, where only the variance between seeds
    is uncertain; but never more than the photos have.

    Args:
        terms: One a group.
        image_variance: What the choice of photos adds to the variance of the mean.
        images: How many there are.
    """
    whole = sum(term.floored / term.seeds for term in terms) + image_variance
    uncertain = sum((term.variance / term.seeds) ** 2 / (term.seeds - 1) for term in terms)
    most = float(max(images - 1, 1))
    return math.sqrt(whole), min(most, whole**2 / uncertain) if uncertain else most


def seed_variance_of(correct: np.ndarray) -> float | None:
    """The variance of the accuracy between seeds, bool `(n, N)`; None for a single seed."""
    return float(correct.mean(axis=1).var(ddof=1)) if len(correct) > 1 else None


def residual_of(correct: np.ndarray) -> float | None:
    """The mean square that neither photos nor seeds explain, bool `(n, N)`; None for one seed."""
    seeds, images = correct.shape
    if seeds < 2:
        return None
    if images < 2:
        return 0.0
    # Of answers that are 0 or 1 the sum of squares is the sum.
    mean = correct.mean()
    total = correct.sum() - correct.size * mean**2
    by_image = seeds * ((correct.mean(axis=0) - mean) ** 2).sum()
    by_seed = images * ((correct.mean(axis=1) - mean) ** 2).sum()
    return float(max(0.0, total - by_image - by_seed) / ((seeds - 1) * (images - 1)))


def image_variance_of(by_image: np.ndarray, unexplained: float) -> float:
    """What the choice of photos adds to the variance of a mean over them.

    Args:
        by_image: `(N,)`, each photo's mean over seeds.
        unexplained: The part of its variance that more seeds would average away.
    """
    if len(by_image) < 2:
        return 0.0
    return max(0.0, float(by_image.var(ddof=1)) - unexplained) / len(by_image)
