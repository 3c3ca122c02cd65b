"""The power of a comparison, against Cohen's tables, the binomial, and simulation."""

import numpy as np
import pytest
from scipy.stats import binom, norm

from fgmix.comparison.power import POWER, detectable_difference, seeds_needed
from fgmix.comparison.statistics import Difference, compare_accuracies, mcnemar
from fgmix.comparison.variance import SeedTerm, crossed_error


def known(seed_sd, image_sd, images, seeds=5):
    """Returns a comparison with known variances, `seed_sd` per seed and `image_sd` per image."""
    image_variance = image_sd**2 / images
    error, freedom = crossed_error([SeedTerm(seed_sd**2, seeds)] * 2, image_variance, images)
    return Difference(
        *(0.0, -1.0, 1.0, 1.0, images, (seeds, seeds), 0.0, 0.0),
        error=error,
        freedom=freedom,
        seed_variances=(seed_sd**2, seed_sd**2),
        image_variance=image_variance,
    )


@pytest.mark.parametrize(("effect", "seeds"), [(0.2, 394), (0.5, 64), (0.8, 26)])
def test_seeds_needed_as_in_cohens_table(effect, seeds):
    # Cohen, Statistical Power Analysis, 1988, table 2.4.1: n of each group for a two-sided test at
    # 0.05 with power 0.80 is 393, 64, 26 (d = 0.2 by his approximation; exactly it is 393.4).
    found = known(0.01, 0.0, 10**6)
    assert seeds_needed(found, effect * 0.01, 0.05).seeds == seeds


def test_what_is_detectable_with_the_seeds_that_are_needed_is_the_target():
    found = known(0.005, 0.15, 2030)
    need = seeds_needed(found, 0.015, 0.01)
    assert need.images is None
    enough, too_few = (known(0.005, 0.15, 2030, need.seeds - less) for less in (0, 1))
    assert detectable_difference(enough, 0.01) <= 0.015 < detectable_difference(too_few, 0.01)
    assert seeds_needed(found, -0.015, 0.01) == need


def test_photos_can_forbid_what_no_number_of_seeds_brings():
    found = known(0.005, 0.2, 2030)
    need = seeds_needed(found, 0.009, 0.05)
    assert need.seeds is None
    assert need.images > 2030
    # With that many images and infinitely many seeds it is detectable, with a tenth fewer not.
    assert seeds_needed(known(1e-9, 0.2, need.images + 5), 0.009, 0.05).seeds is not None
    assert seeds_needed(known(1e-9, 0.2, need.images * 9 // 10), 0.009, 0.05).seeds is None


def test_more_seeds_than_anyone_runs_are_not_counted():
    need = seeds_needed(known(0.5, 0.0, 10**6), 0.001, 0.05)
    assert (need.seeds, need.images) == (None, None)


def test_one_seed_each_tells_nothing_of_seeds():
    rng = np.random.default_rng(0)
    assert seeds_needed(mcnemar(*(rng.random((2, 100)) < 0.5)), 0.01, 0.05) is None


@pytest.mark.parametrize(("changed", "level"), [(6, 0.05), (40, 0.05), (500, 0.05), (500, 0.01)])
def test_mcnemars_reach_is_the_binomials(changed, level):
    correct = np.arange(2000) < changed // 2
    baseline = (np.arange(2000) >= changed // 2) & (np.arange(2000) < changed)
    reach = detectable_difference(mcnemar(correct, baseline), level)
    share = (1 + reach * 2000 / changed) / 2
    gains = np.arange(changed // 2 + 1, changed + 1)
    gains = gains[2 * binom.sf(gains - 1, changed, 0.5) < level]
    assert binom.pmf(gains, changed, share).sum() == pytest.approx(POWER, abs=1e-6)


def test_too_few_changed_photos_show_nothing():
    correct = np.array([True] * 5 + [False] * 95)
    assert detectable_difference(mcnemar(correct, np.zeros(100, bool)), 0.05) is None
    assert detectable_difference(mcnemar(correct, correct), 0.05) is None


def test_a_detectable_difference_is_shown_as_often_as_stated():
    # The detectable difference of one large draw holds for others of the same kind.
    rng = np.random.default_rng(1)
    images, seeds, seed_sd = 400, 4, 0.15

    def draw(shift, n=seeds):
        return rng.normal(size=(n, images)) < shift + rng.normal(0, seed_sd, (n, 1))

    accuracies = draw(0.0, 4000).mean(axis=1)
    error, freedom = crossed_error([SeedTerm(accuracies.var(), seeds)] * 2, 0.0, images)
    reach = detectable_difference(
        Difference(0.0, 0.0, 0.0, 1.0, images, (seeds, seeds), 0.0, 0.0, error, freedom), 0.05
    )
    shift = norm.ppf(0.5 + reach) * np.sqrt(1 + seed_sd**2)
    shown = [compare_accuracies(draw(shift), draw(0.0)).p_value < 0.05 for _ in range(250)]
    assert np.mean(shown) == pytest.approx(POWER, abs=0.08)


def test_answers_that_never_vary_tell_nothing_of_what_could_be_seen():
    correct = np.stack([np.arange(50) < 30] * 2)
    found = compare_accuracies(correct, correct)
    assert found.error == 0
    assert detectable_difference(found, 0.05) is None
    assert seeds_needed(found, 0.01, 0.05) is None


def test_no_difference_is_above_all_photos():
    rng = np.random.default_rng(0)
    correct = np.stack([np.arange(12) < 11, rng.random(12) < 0.1])
    found = compare_accuracies(correct, ~correct)
    assert -1 <= found.low <= found.high <= 1
    assert detectable_difference(found, 0.05) is None
