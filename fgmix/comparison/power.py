"""The power of a comparison: its detectable difference, and the seeds that smaller ones need."""

import math
from dataclasses import dataclass

import numpy as np

from fgmix.comparison.statistics import Difference
from fgmix.comparison.variance import SeedTerm, crossed_error

POWER = 0.8
"""The probability with which a true difference is to be shown."""

MOST_SEEDS = 1000


@dataclass(frozen=True)
class Need:
    """What it takes to show a difference of a given size.

    Attributes:
        seeds: The seeds that each group needs; None if that is more than `MOST_SEEDS`, or no
            number of seeds is enough on these images.
        images: If no number of seeds is enough, the number of test images that would be enough
            with infinitely many seeds; None otherwise.
    """

    seeds: int | None
    images: int | None


def detectable_difference(found: Difference, level: float) -> float | None:
    """Returns the smallest true difference that would have been shown with probability `POWER`.

    Args:
        found: The measured difference. Its variances, or the number of images that only one run
            predicts correctly, are taken as true.
        level: The significance level.

    Returns:
        A fraction; None if no difference, however large, would have been shown so reliably, or if
        no prediction varied, which leaves the variance unknown.
    """
    if found.error is None:
        return _detectable_by_mcnemar(round(found.gained + found.lost), found.images, level)
    if not found.error:
        return None
    reach = found.error * _shift(found.freedom or 1.0, level)
    return reach if reach <= 1 else None


def seeds_needed(found: Difference, target: float, level: float) -> Need | None:
    """Returns the seeds that each group needs to show a difference with probability `POWER`.

    Args:
        found: The measured difference. Its variances are taken as true.
        target: The difference to show, as a fraction.
        level: The significance level.

    Returns:
        None if `found` has one seed each, which leaves the variance between seeds unknown, or if
        no prediction varied.
    """
    if not found.error or found.seed_variances is None or found.image_variance is None:
        return None
    target = abs(target)

    def enough(seeds: int) -> bool:
        error, freedom = crossed_error(
            [SeedTerm(variance, seeds) for variance in found.seed_variances or ()],
            found.image_variance or 0.0,
            found.images,
        )
        return error * _shift(freedom, level) <= target

    endless = math.sqrt(found.image_variance) * _shift(max(found.images - 1.0, 1.0), level)
    if endless >= target:
        return Need(None, math.ceil(found.images * (endless / target) ** 2))
    if not enough(MOST_SEEDS):
        return Need(None, None)
    too_few, seeds = 1, MOST_SEEDS
    while seeds - too_few > 1:
        middle = (too_few + seeds) // 2
        too_few, seeds = (too_few, middle) if enough(middle) else (middle, seeds)
    return Need(seeds, None)


def _shift(freedom: float, level: float) -> float:
    """Returns the difference, in standard errors, that a t test shows with `POWER`."""
    from scipy.optimize import brentq
    from scipy.stats import nct, t

    critical = float(t.ppf(1 - level / 2, freedom))

    # Without the other tail, which would show a difference of the wrong sign.
    def lacking(shift: float) -> float:
        return float(nct.sf(critical, freedom, shift)) - POWER

    return float(brentq(lacking, 0.0, 2 * critical + 5.0, xtol=1e-6))


def _detectable_by_mcnemar(changed: int, images: int, level: float) -> float | None:
    """Returns the detectable difference of the exact test, given the discordant images."""
    from scipy.optimize import brentq
    from scipy.stats import binom

    # The most lost images with which the test still shows a gain.
    lost = np.arange(changed // 2 + 1)
    most = int((2 * binom.cdf(lost, changed, 0.5) < level).sum()) - 1
    if most < 0:
        return None
    share = brentq(lambda lost: binom.cdf(most, changed, lost) - POWER, 0.0, 0.5, xtol=1e-9)
    return float((1 - 2 * share) * changed / images)
