"""The statistics, against published worked examples, SciPy, and simulation."""

import numpy as np
import pytest
from scipy.stats import binom, norm, ttest_ind

from fgmix.comparison.power import detectable_difference, seeds_needed
from fgmix.comparison.statistics import (
    LEVEL,
    bonett_price,
    compare_accuracies,
    holm,
    mcnemar,
    mean_and_std,
    measure_accuracy,
)
from fgmix.comparison.variance import SeedTerm, crossed_error
from tests.comparison.answers import draw_answers


def pair(gained, lost, both, neither):
    """Returns the correctness of two runs, from the numbers of images that either gains."""
    correct = [True] * gained + [False] * lost + [True] * both + [False] * neither
    baseline = [False] * gained + [True] * lost + [True] * both + [False] * neither
    return np.array(correct), np.array(baseline)


def test_mcnemar_on_the_children_with_hyperresponsive_airways():
    # Bentur et al. 2009 as worked by Fagerland, Lydersen and Laake, BMC Medical Research
    # Methodology 13:91, 2013: 1 and 7 of 21 children changed, exact conditional p = 0.070.
    found = mcnemar(*pair(1, 7, 1, 12))
    assert found.p_value == pytest.approx(0.0703, abs=5e-5)
    assert found.mean == pytest.approx(-6 / 21)
    assert (found.gained, found.lost, found.images) == (1, 7, 21)
    assert found.of_runs
    # Narrower than the exact test here, which is conservative with eight images.
    assert (found.low, found.high) == pytest.approx((-0.508, -0.014), abs=1e-3)


def test_bonett_and_prices_interval():
    # The example of `ci.prop.ps` in Bonett's R package statpsych, as its manual prints it.
    assert bonett_price(26, 4, 48) == pytest.approx((0.2548067, 0.6251933), abs=5e-8)


def test_one_seeds_interval_covers_the_true_difference_as_often_as_it_says():
    # In truth, six images of a hundred are gained and one is lost. An interval conditional on the
    # number of discordant images covers 73 %.
    draws = np.random.default_rng(0).multinomial(100, (0.06, 0.01, 0.93), size=1000)
    limits = [bonett_price(int(gained), int(lost), 100) for gained, lost, _ in draws]
    assert np.mean([low <= 0.05 <= high for low, high in limits]) > 0.93


def test_runs_that_answer_alike_do_not_differ():
    correct, _ = pair(0, 0, 5, 3)
    found = mcnemar(correct, correct)
    assert (found.mean, found.p_value) == (0, 1)
    assert found.low < 0 < found.high
    found = compare_accuracies(np.stack([correct] * 3), np.stack([correct] * 3))
    assert (found.mean, found.low, found.high, found.p_value) == (0, 0, 0, 1)
    assert detectable_difference(found, 0.05) is None
    assert seeds_needed(found, 0.01, 0.05) is None


@pytest.mark.parametrize("photos", range(1, 400, 7))
def test_an_interval_holds_its_accuracy_also_at_none_and_all(photos):
    for value in (True, False):
        found = measure_accuracy(np.full((1, photos), value))
        assert found.low <= found.mean <= found.high
        assert 0 <= found.low < found.high <= 1


@pytest.mark.parametrize(
    ("correct", "images", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_one_seeds_interval_is_wilsons(correct, images, low, high):
    # Newcombe, Statistics in Medicine 17, 1998, table I, method 3.
    found = measure_accuracy(np.array([[True] * correct + [False] * (images - correct)]))
    assert found.mean == pytest.approx(correct / images)
    assert found.std is None
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-4)


def test_the_error_over_photos_and_seeds_on_van_dykes_readers():
    # Van Dyke et al. 1993: 5 readers, 114 cases, 2 modalities. Mean squares and covariances of the
    # empirical AUC, standard errors and Hillis's degrees of freedom as the R packages MRMCaov and
    # RJafroc print them in their documentation. Here readers are seeds and cases are images.
    error, freedom = crossed_error([SeedTerm(0.003082629, 5)], 0.0004839618, 114)
    assert error == pytest.approx(0.03317360, rel=1e-6)
    assert freedom == pytest.approx(12.74465, rel=1e-6)
    # The two modalities with the same readers: the mean square of their differences.
    between = 2 * (0.0003440748 - 0.0002390284)
    error, freedom = crossed_error([SeedTerm(2 * 0.0005510306, 5)], between, 114)
    assert error == pytest.approx(0.02074862, rel=1e-6)
    assert freedom == pytest.approx(15.25967, rel=1e-6)


def test_without_an_effect_of_photos_it_is_welchs_test():
    # All predictions are independent, so images differ by chance alone; in this draw by less than
    # expected, and the seeds by more.
    rng = np.random.default_rng(7)
    correct, baseline = rng.random((6, 500)) < 0.62, rng.random((3, 500)) < 0.55
    found = compare_accuracies(correct, baseline)
    assert found.image_variance == 0
    welch = ttest_ind(correct.mean(axis=1), baseline.mean(axis=1), equal_var=False)
    assert found.p_value == pytest.approx(welch.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(welch.confidence_interval()))
    assert found.freedom == pytest.approx(welch.df)


def test_the_photos_variance_is_what_an_analysis_of_variance_says():
    rng = np.random.default_rng(1)
    groups = draw_answers(rng, 4, 90, seed_sd=0.2), draw_answers(rng, 3, 90, mean=0.5)
    found = compare_accuracies(*groups)
    difference = groups[0].mean(axis=0) - groups[1].mean(axis=0)
    noise, least = 0.0, []
    for correct in groups:
        rows, columns = correct.mean(axis=1, keepdims=True), correct.mean(axis=0, keepdims=True)
        left = correct - rows - columns + correct.mean()
        square = (left**2).sum() / ((len(correct) - 1) * 89)
        noise += square / len(correct)
        least.append(square / 90)
    assert found.image_variance == pytest.approx(max(0, difference.var(ddof=1) - noise) / 90)
    assert found.seed_variances == pytest.approx(
        [max(r.mean(axis=1).var(ddof=1), s) for r, s in zip(groups, least, strict=True)]
    )


def test_seeds_that_are_close_by_luck_count_as_far_apart_as_single_answers_make_them():
    # Both seeds are correct on half of the images, and agree on half of them.
    correct = np.array([[1, 1, 0, 0] * 50, [1, 0, 1, 0] * 50], bool)
    found = compare_accuracies(correct, ~correct)
    assert correct.mean(axis=1).var() == 0
    # Where they disagree, on 100 images, both are a half away from the image's mean.
    square = 2 * 100 * 0.5**2 / 199
    assert found.seed_variances == pytest.approx((square / 200,) * 2)
    assert found.freedom == 199


def test_seeds_that_answer_alike_leave_the_photos_test():
    # Then each group is effectively one run, and the normal form of McNemar's test is known.
    correct, baseline = pair(60, 90, 600, 250)
    found = compare_accuracies(np.stack([correct] * 5), np.stack([baseline] * 5))
    error = np.sqrt((150 - 30**2 / 1000) / 999 / 1000)
    assert found.error == pytest.approx(error)
    assert found.freedom == 999
    assert found.p_value == pytest.approx(2 * norm.sf(0.03 / error), rel=0.05)


def test_one_seed_borrows_the_std_of_several():
    rng = np.random.default_rng(5)
    several, single = draw_answers(rng, 5, 400, seed_sd=0.1), draw_answers(rng, 1, 400)
    found, back = compare_accuracies(several, single), compare_accuracies(single, several)
    assert found.seed_variances[0] == found.seed_variances[1]
    assert found.seed_variances[0] == pytest.approx(several.mean(axis=1).var(ddof=1))
    assert found.error > compare_accuracies(several, several).error
    assert (back.mean, back.p_value) == pytest.approx((-found.mean, found.p_value))
    assert back.error == pytest.approx(found.error)


def test_a_perfect_and_a_hopeless_group_differ_as_surely_as_there_are_photos():
    correct, wrong = np.ones((2, 4), bool), np.zeros((2, 4), bool)
    found = compare_accuracies(correct, wrong)
    assert (found.mean, found.p_value) == (1, 2 * 0.5**4)
    assert measure_accuracy(correct).high == 1
    assert measure_accuracy(correct).low == pytest.approx(measure_accuracy(correct[:1]).low)


def test_a_single_photo_is_no_crash():
    found = compare_accuracies(np.array([[True], [False]]), np.array([[False], [False]]))
    assert found.p_value > LEVEL
    assert 0 <= measure_accuracy(np.array([[True], [False]])).low <= 0.5


def test_mean_and_std():
    assert mean_and_std([0.5]) == (0.5, None)
    assert mean_and_std([1, 2, 4]) == pytest.approx((7 / 3, np.std([1, 2, 4], ddof=1)))


def test_holm_on_the_textbook_example():
    # English Wikipedia, "Holm-Bonferroni method": p1 = 0.01, p2 = 0.04, p3 = 0.03, p4 = 0.005; at
    # 0.05 the fourth and the first are rejected, the third and the second are not.
    corrected = holm([0.01, 0.04, 0.03, 0.005])
    assert corrected == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.7, 0.6]) == [1, 1]
    assert holm([]) == []


REPETITIONS = 300


LEAST, MOST = binom.interval(0.999, REPETITIONS, LEVEL)
"""The most misses at the nominal rate, exceeded one time in a thousand."""


@pytest.mark.parametrize(("seeds", "seed_sd"), [((2, 2), 0.1), ((3, 3), 0.03), ((5, 5), 0.1)])
def test_intervals_miss_the_truth_at_the_stated_rate(seeds, seed_sd):
    # benchmarks/accuracy/comparison_simulation.py does this at length.
    rng = np.random.default_rng(2)
    images, scales = 200, (1.2, 0.4)
    missed = accuracy_missed = 0
    for _ in range(REPETITIONS):
        ease = rng.normal(0, scales[0], images)
        groups = [
            rng.normal(size=(n, images))
            < ease + shift + rng.normal(0, scales[1], images) + rng.normal(0, seed_sd, (n, 1))
            for n, shift in zip(seeds, (0.0, 0.2), strict=True)
        ]
        scale = np.sqrt(1 + scales[0] ** 2 + scales[1] ** 2 + seed_sd**2)
        truth = norm.cdf(0.2 / scale)
        found, accuracy = compare_accuracies(groups[1], groups[0]), measure_accuracy(groups[1])
        missed += not found.low <= truth - 0.5 <= found.high
        accuracy_missed += not accuracy.low <= truth <= accuracy.high
    assert LEAST <= missed <= MOST
    assert accuracy_missed <= MOST  # with two seeds fewer


def test_mcnemar_raises_no_more_false_alarms_than_stated_on_equal_runs():
    rng = np.random.default_rng(4)
    alarms = 0
    for _ in range(100):
        ease = rng.normal(size=200)
        correct, baseline = rng.normal(size=(2, 200)) < ease
        alarms += mcnemar(correct, baseline).p_value < LEVEL
    assert alarms <= binom.ppf(0.999, 100, LEVEL)
