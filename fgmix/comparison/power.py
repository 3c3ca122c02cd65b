"""What a comparison could have seen, and how many seeds it would take to see more."""

import math
from dataclasses import dataclass

import numpy as np

from fgmix.comparison.statistics import Difference
from fgmix.comparison.variance import SeedTerm, crossed_error

POWER = 0.8
"""The probability with which a difference that is there shall be shown."""

MOST_SEEDS = 1000


@dataclass(frozen=True)
class Need:
    """What it would take to show a difference of a given size.

    Attributes:
        seeds: How many each group needs; None if none are enough on these photos, more than
            `MOST_SEEDS`, or not to be told because no answer varied.
        images: Where no number of seeds is enough, how many test photos would be with endlessly
            many seeds; None otherwise.
    """

    seeds: int | None
    images: int | None


def detectable_difference(found: Difference, level: float) -> float | None:
    """The smallest true difference that would have been shown with probability `POWER`.

    Args:
        found: What was found: its variances, or the photos that changed sides, are taken for true.
        level: What p has to be below.

    Returns:
        A fraction; None if no difference, however large, would have been shown so reliably, or if
        no answer varied, which tells nothing of chance.
    """
    if found.error is None:
        return _detectable_by_mcnemar(round(found.gained + found.lost), found.images, level)
    if not found.error:
        return None
    reach = found.error * _shift(found.freedom or 1.0, level)
    return reach if reach <= 1 else None


def seeds_needed(found: Difference, target: float, level: float) -> Need | None:
    """How many seeds each group needs to show a difference with probability `POWER`.

    Args:
        found: What was found; its variances are taken for true.
        target: The difference, as a fraction.
        level: What p has to be below.

    Returns:
        None if `found` has one seed each, which tells nothing of the variance between seeds, or if
        no answer varied.
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
    """How many standard errors a difference must have for a t test to show it with `POWER`."""
    from scipy.optimize import brentq
    from scipy.stats import nct, t

    critical = float(t.ppf(1 - level / 2, freedom))

    # Without the other tail, where a difference would be shown with the wrong sign.
    def lacking(shift: float) -> float:
        return float(nct.sf(critical, freedom, shift)) - POWER

    return float(brentq(lacking, 0.0, 2 * critical + 5.0, xtol=1e-6))


def _detectable_by_mcnemar(changed: int, images: int, level: float) -> float | None:
    """Of the exact test, given how many photos change sides."""
    from scipy.optimize import brentq
    from scipy.stats import binom

    # The most photos lost with which the test still shows a gain.
    lost = np.arange(changed // 2 + 1)
    most = int((2 * binom.cdf(lost, changed, 0.5) < level).sum()) - 1
    if most < 0:
        return None
    share = brentq(lambda lost: binom.cdf(most, changed, lost) - POWER, 0.0, 0.5, xtol=1e-9)
    return float((1 - 2 * share) * changed / images)
