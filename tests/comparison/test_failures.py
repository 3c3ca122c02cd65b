"""Where a group fails, on few enough predictions to count by hand."""

import numpy as np
import pytest

from fgmix.comparison.failures import (
    BINS,
    COVERAGES,
    calibration_error,
    find_failures,
    reliability,
)
from fgmix.comparison.study import open_study
from tests.comparison.answers import write_run


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Two seeds on eight images: ant, bee, cow, dog, twice."""
    runs = tmp_path_factory.mktemp("runs")
    #           ant bee cow dog ant bee cow dog
    answers = ([1, 1, 2, 3, 1, 1, 3, 3], [1, 1, 2, 3, 0, 0, 2, 3])
    confidences = (
        [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2],
        [0.8, 0.7, 0.9, 0.6, 0.95, 0.1, 0.5, 0.4],
    )
    for seed, (predicted, confidence) in enumerate(zip(answers, confidences, strict=True)):
        correct = np.array(predicted) == np.arange(8) % 4
        write_run(runs, correct, predicted=predicted, confidences=confidence, seed=seed)
    study = open_study([runs])
    return find_failures(study, study.groups[0])


def test_classes_come_with_the_least_recognised_first(found):
    assert [(c.name, c.accuracy) for c in found.classes] == [
        ("ant", 0.25),
        ("bee", 0.75),
        ("cow", 0.75),
        ("dog", 1.0),
    ]
    ant, bee, cow, dog = found.classes
    assert (ant.lowest, ant.highest, ant.images) == (0.0, 0.5, 2)
    assert (ant.taken_for, ant.taken_share) == ("bee", 0.75)
    assert (cow.taken_for, cow.taken_share) == ("dog", 0.25)
    assert (dog.taken_for, dog.taken_share) == ("", 0.0)
    assert found.mean_per_class == pytest.approx(0.6875)
    assert bee.taken_for == "ant"


def test_pairs_come_with_the_most_confused_first_and_with_photos_of_both(found):
    first, second = found.confusions
    assert (first.first, first.second, first.images) == ("ant", "bee", (2, 2))
    assert (first.first_as_second, first.second_as_first, first.mistakes) == (1.5, 0.5, 2.0)
    # Both seeds misclassify the first ant, one of them the other.
    assert first.first_examples == ("test/0000.jpg", "test/0004.jpg")
    assert first.second_examples == ("test/0005.jpg",)
    assert (second.first, second.second, second.mistakes) == ("cow", "dog", 0.5)
    # No dog is taken for a cow: the most confident dogs are shown instead.
    assert second.second_examples == ("test/0003.jpg", "test/0007.jpg")


def test_selective_accuracy(found):
    assert [s.coverage for s in found.selective] == list(COVERAGES)
    whole, *_, half = found.selective
    assert whole.accuracy == pytest.approx((5 / 8 + 6 / 8) / 2)
    # The most confident four are ant (wrong), bee, cow, dog of the first seed; ant and cow
    # (correct), ant (wrong), bee of the second.
    assert half.accuracy == pytest.approx((3 / 4 + 3 / 4) / 2)
    assert half.std == 0


def test_the_calibration_error_by_hand():
    confidences = np.array([0.05, 0.05, 0.72, 0.72, 1.0])
    correct = np.array([False, True, True, False, True])
    # |0.5 - 0.05| and |0.5 - 0.72| count twice, |1 - 1| once.
    assert calibration_error(confidences, correct) == pytest.approx((2 * 0.45 + 2 * 0.22) / 5)
    bins = reliability(confidences, correct)
    assert len(bins) == BINS
    assert [b.answers for b in bins if b.answers] == [2, 2, 1]
    assert bins[-1].high == 1
    assert np.isnan(bins[5].accuracy)


def test_a_calibrated_model_has_no_calibration_error():
    rng = np.random.default_rng(0)
    confidences = rng.random(200_000)
    assert calibration_error(confidences, rng.random(200_000) < confidences) < 0.01


def test_a_bins_upper_edge_is_in_it():
    bins = reliability(np.array([1 / BINS, 0.0, 1.0]), np.array([True, True, True]))
    assert (bins[0].answers, bins[-1].answers) == (2, 1)


def test_calibration_over_seeds(found):
    assert 0 < found.calibration_error < 1
    assert found.calibration_std > 0
    assert sum(b.answers for b in found.reliability) == 16


def test_a_group_without_a_mistake(tmp_path):
    write_run(tmp_path, np.ones(8, bool))
    study = open_study([tmp_path])
    found = find_failures(study, study.groups[0])
    assert found.confusions == ()
    assert found.calibration_std is None
    assert [s.accuracy for s in found.selective] == [1.0] * len(COVERAGES)
    assert all(c.taken_for == "" for c in found.classes)
