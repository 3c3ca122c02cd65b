"""Temperature and thresholds against hand-computed numbers."""

import numpy as np
import pytest
import scipy.special

from fgmix.errors import FgmixError
from fgmix.evaluation.calibration import (
    Abstention,
    Selection,
    calibrate,
    fit_temperature,
    select,
    threshold_for_coverage,
    threshold_for_precision,
)


def test_a_temperature_of_two_takes_square_roots():
    found = calibrate(np.array([[0.64, 0.36], [0.5, 0.5]], np.float32), 2.0)
    # sqrt(0.64) : sqrt(0.36) = 0.8 : 0.6
    np.testing.assert_allclose(found, [[0.8 / 1.4, 0.6 / 1.4], [0.5, 0.5]], rtol=1e-6)


def test_probabilities_of_zero_and_one_stay_finite():
    np.testing.assert_allclose(
        calibrate(np.array([[1.0, 0.0]], np.float32), 1.5), [[1, 0]], atol=1e-20
    )


def test_two_classes_have_their_temperature_in_closed_form():
    # Always 0.9 for the first class, which is correct three times of four: calibrated it is 0.75,
    # so logit(0.9) / T = logit(0.75).
    probabilities = np.tile([[0.9, 0.1]], (8, 1))
    labels = np.array([0, 0, 0, 1] * 2)
    expected = np.log(9) / np.log(3)
    assert fit_temperature(probabilities, labels) == pytest.approx(expected, rel=1e-4)


def test_the_temperature_that_made_the_labels_is_found_again():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (20_000, 5))
    true = scipy.special.softmax(logits / 1.7, axis=1)
    labels = (true.cumsum(axis=1) < rng.uniform(size=(len(true), 1))).sum(axis=1)
    found = fit_temperature(scipy.special.softmax(logits, axis=1).astype("float32"), labels)
    assert found == pytest.approx(1.7, rel=0.03)


def test_without_a_mistake_there_is_nothing_to_learn_from():
    assert fit_temperature(np.array([[0.6, 0.4], [0.2, 0.8]]), np.array([0, 1])) == 1.0


CONFIDENCES = np.array([0.5, 0.9, 0.8, 0.7, 0.6])
CORRECT = np.array([False, True, True, False, True])


@pytest.mark.parametrize(
    ("target", "threshold"), [(0.2, 0.85), (0.4, 0.75), (0.41, 0.65), (0.8, 0.55), (1.0, 0.0)]
)
def test_coverage(target, threshold):
    assert threshold_for_coverage(CONFIDENCES, target) == pytest.approx(threshold)


def test_a_share_that_no_float_holds_is_not_rounded_up():
    assert threshold_for_coverage(np.arange(10) / 10, 0.7) == pytest.approx(0.25)


def test_equal_confidences_are_accepted_together():
    tied = np.array([0.9, 0.8, 0.8, 0.5])
    assert threshold_for_coverage(tied, 0.5) == pytest.approx(0.65)
    # Four images with three correct would reach it, but the fourth and the fifth are tied.
    confidences = np.array([0.9, 0.8, 0.8, 0.8, 0.8])
    correct = np.array([True, True, True, False, False])
    with pytest.raises(FgmixError, match=r"the best is 0\.600"):
        threshold_for_precision(confidences, correct, 0.75)


@pytest.mark.parametrize(
    ("target", "threshold"),
    [
        (0.5, 0.0),  # 3 of 5 are correct
        (0.6, 0.0),
        (0.7, 0.55),  # 2 of 3 are not enough, 3 of 4 are
    ],
)
def test_precision_with_most_answers(target, threshold):
    assert threshold_for_precision(CONFIDENCES, CORRECT, target) == pytest.approx(threshold)


def test_what_precision_can_be_reached_is_told():
    with pytest.raises(
        FgmixError, match=r"precision 0.8 on the 5 .* best is 0.600, accepting 100%"
    ):
        threshold_for_precision(CONFIDENCES, CORRECT, 0.8)


def test_few_images_can_not_tell_a_high_precision():
    # Two images without a mistake do not prove 0.95.
    with pytest.raises(FgmixError, match="on 5 validation photos: it needs at least 20"):
        threshold_for_precision(CONFIDENCES, np.ones(5, bool), 0.95)


def test_selection_counts_what_is_answered_and_right():
    probabilities = np.array([[0.9, 0.1], [0.64, 0.36], [0.3, 0.7]])
    found = select(probabilities, np.array([0, 1, 1]), Abstention(1.0, 0.65))
    assert (found.images, found.accepted, found.correct) == (3, 2, 2)
    assert (found.coverage, found.precision) == (2 / 3, 1.0)
    # At temperature 2 the confidences are 0.75, 0.571 and 0.604.
    found = select(probabilities, np.array([0, 1, 1]), Abstention(2.0, 0.57))
    assert (found.accepted, found.precision) == (3, 2 / 3)


def test_the_interval_of_a_precision_is_wilsons():
    # With z = 1.96 of 10 correct of 10: from 10 / (10 + z * z) to 1; of 5 of 10: half a width of
    # z * sqrt(0.25 / 10 + z * z / 400) / (1 + z * z / 10) around 0.5.
    assert Selection(20, 10, 10).precision_interval() == pytest.approx((0.7225, 1), abs=1e-4)
    assert Selection(20, 10, 5).precision_interval() == pytest.approx((0.2366, 0.7634), abs=1e-4)
    assert Selection(20, 0, 0).precision_interval() == (0, 1)


def test_the_precision_of_no_answers_is_no_number():
    found = select(np.array([[0.6, 0.4]]), np.array([0]), Abstention(1.0, 0.9))
    assert found.coverage == 0
    assert np.isnan(found.precision)
