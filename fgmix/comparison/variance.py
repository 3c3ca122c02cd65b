"""The variance of a mean over images and seeds.

Images are a sample of possible images, seeds a sample of possible trainings, and every seed of
every group predicts every image: crossed random effects. The variances are those of multi-reader
multi-case studies in radiology, with seeds as readers (S. L. Hillis, *A comparison of denominator
degrees of freedom methods for multiple observer ROC analysis*, Statistics in Medicine 26, 2007; for
readers nested in modalities: *A marginal-mean ANOVA approach for analyzing multireader multicase
radiological imaging data*, 33, 2014). The variance between seeds has a floor, because components of
variance can't be negative.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class SeedTerm:
    """The contribution of a group's seeds to the variance of a mean over images and seeds.

    Attributes:
        variance: The variance of the accuracy between seeds.
        seeds: The number of seeds.
        least: The variance that independent predictions alone would give. Two or three seeds can
            be closer together by chance, which would make the error too small.
    """

    variance: float
    seeds: int
    least: float = 0.0

    @property
    def floored(self) -> float:
        """The variance, at least `least`."""
        return max(self.variance, self.least)


def crossed_error(
    terms: Sequence[SeedTerm], image_variance: float, images: int
) -> tuple[float, float]:
    """Returns the standard error of a mean over images and seeds, and its degrees of freedom.

    The degrees of freedom are Satterthwaite's in Hillis's form, in which only the variance between
    seeds is uncertain, and at most those of the images.

    Args:
        terms: One term per group.
        image_variance: The part of the variance of the mean due to the choice of images.
        images: The number of images.
    """
    whole = sum(term.floored / term.seeds for term in terms) + image_variance
    uncertain = sum((term.variance / term.seeds) ** 2 / (term.seeds - 1) for term in terms)
    most = float(max(images - 1, 1))
    return math.sqrt(whole), min(most, whole**2 / uncertain) if uncertain else most


def seed_variance_of(correct: np.ndarray) -> float | None:
    """Returns the variance of the accuracy between seeds, bool `(n, N)`; None for one seed."""
    return float(correct.mean(axis=1).var(ddof=1)) if len(correct) > 1 else None


def residual_of(correct: np.ndarray) -> float | None:
    """Returns the residual mean square after images and seeds, bool `(n, N)`; None for one seed."""
    seeds, images = correct.shape
    if seeds < 2:
        return None
    if images < 2:
        return 0.0
    # The values are 0 or 1, so the sum of squares is the sum.
    mean = correct.mean()
    total = correct.sum() - correct.size * mean**2
    by_image = seeds * ((correct.mean(axis=0) - mean) ** 2).sum()
    by_seed = images * ((correct.mean(axis=1) - mean) ** 2).sum()
    return float(max(0.0, total - by_image - by_seed) / ((seeds - 1) * (images - 1)))


def image_variance_of(by_image: np.ndarray, unexplained: float) -> float:
    """Returns the part of the variance of a mean over images that is due to their choice.

    Args:
        by_image: `(N,)`, each image's mean over seeds.
        unexplained: The part of its variance that more seeds would average out.
    """
    if len(by_image) < 2:
        return 0.0
    return max(0.0, float(by_image.var(ddof=1)) - unexplained) / len(by_image)
