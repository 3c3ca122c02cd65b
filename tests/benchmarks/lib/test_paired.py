"""The paired comparison against a t test and simulated trainings."""

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from benchmarks.lib.paired import compare_paired
from fgmix.comparison.statistics import compare_accuracies


def trainings(rng, draws, images, effect, spread):
    """Returns predictions of a group and its baseline, which share what a draw is worth."""
    easy = rng.normal(0, 1, images)
    luck = rng.normal(0, spread, (draws, 1))
    return [
        easy + luck + shift + rng.normal(0, 0.3, (draws, images)) > 0 for shift in (effect, 0.0)
    ]


def test_it_is_a_t_test_of_the_images_if_draws_are_alike():
    rng = np.random.default_rng(0)
    group, baseline = rng.random(4000) < 0.6, rng.random(4000) < 0.5
    found = compare_paired(np.array([group, group]), np.array([baseline, baseline]))
    expected = ttest_1samp(group.astype(float) - baseline, 0)
    assert found.mean == pytest.approx((group.astype(float) - baseline).mean())
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-6)
    low, high = expected.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((low, high))


def test_what_a_draw_gives_to_both_groups_is_no_part_of_the_error():
    rng = np.random.default_rng(1)
    group, baseline = trainings(rng, 4, 3000, 0.1, spread=0.5)
    paired, unpaired = compare_paired(group, baseline), compare_accuracies(group, baseline)
    assert paired.mean == pytest.approx(unpaired.mean)
    assert paired.error < unpaired.error / 10
    assert paired.low > 0 > unpaired.low


def test_its_intervals_cover():
    rng = np.random.default_rng(2)
    found = [compare_paired(*trainings(rng, 4, 400, 0.0, spread=0.3)) for _ in range(300)]
    missed = np.mean([f.low > 0 or f.high < 0 for f in found])
    assert missed < 0.09  # 0.05, and three standard errors of 300 comparisons


def test_one_draw_is_mcnemars_test():
    found = compare_paired(np.array([[True] * 12]), np.array([[False] * 10 + [True] * 2]))
    assert found.of_runs
    assert (found.gained, found.lost) == (10, 0)
    assert found.p_value == pytest.approx(2 / 2**10)
