"""Thresholds and limits are chosen on validation images: by hand, on made predictions."""

import numpy as np
import pytest

from fgmix.errors import FgmixError
from fgmix.evaluation.evaluate import Evaluation
from fgmix.evaluation.strangers import distances, fit_class_means
from fgmix.serving.choices import Target
from fgmix.workflows.abstention import choose_abstention
from tests.evaluation.test_strangers import CLASSES, KNOWN, draw

VALIDATION = draw(KNOWN, 10, 2)
MEANS = fit_class_means(*draw(KNOWN, 20, 1), CLASSES, VALIDATION)


def evaluation(split):
    """Predictions whose confidence grows with the number of the image, all correct."""
    features, labels = VALIDATION if split == "val" else draw(KNOWN, 10, 3)
    sure = np.linspace(0.5, 0.9, len(labels))[:, None]
    rest = (1 - sure) / (CLASSES - 1)
    probabilities = np.where(np.arange(CLASSES) == labels[:, None], sure, rest)
    names = tuple(map(str, KNOWN))
    return Evaluation(("",) * len(labels), labels, probabilities, names, {}, (features,))


def test_a_limit_keeps_its_share_and_is_measured_on_test_images():
    found = choose_abstention(evaluation, None, 0.75, [MEANS])
    assert (found.target, found.validation.accepted) == (None, 30)
    limit = found.abstention.limit
    assert (MEANS.known <= limit).sum() == 30
    assert found.strangers.refused == pytest.approx((MEANS.others > limit).mean())
    test = distances(evaluation("test").features, [MEANS])
    assert found.test.accepted == (test <= limit).sum() < 40


def test_the_coverage_is_that_of_probability_and_distance_together():
    found = choose_abstention(evaluation, Target("coverage", 0.5), 0.75, [MEANS])
    assert found.validation.accepted == 20
    with pytest.raises(FgmixError, match=r"0.8 can't be reached: 75.0% of the 40"):
        choose_abstention(evaluation, Target("coverage", 0.8), 0.75, [MEANS])


def test_a_precision_is_that_of_the_images_within_the_limit():
    near = distances([VALIDATION[0]], [MEANS]) <= np.quantile(MEANS.known, 0.7)

    def wrong_if_far(split):
        found = evaluation(split)
        if split == "val":
            found.probabilities[~near] = np.roll(found.probabilities[~near], 1, axis=1)
        return found

    found = choose_abstention(wrong_if_far, Target("precision", 0.9), 0.7, [MEANS])
    assert (found.validation.accepted, found.validation.precision) == (near.sum(), 1.0)


def test_without_validation_the_limit_is_from_cross_validation():
    means = fit_class_means(*draw(KNOWN, 20, 1), CLASSES)
    asked = []
    found = choose_abstention(
        lambda split: asked.append(split) or evaluation(split), None, 0.9, [means]
    )
    assert asked == ["test"]
    assert (found.abstention.temperature, found.validation) == (1.0, None)
    assert (means.known <= found.abstention.limit).mean() == pytest.approx(0.9)
    assert found.strangers.split == "train"


def test_without_a_limit_the_distance_does_not_count():
    found = choose_abstention(evaluation, Target("coverage", 0.5))
    assert (found.strangers, found.abstention.limit, found.validation.accepted) == (None, None, 20)
    assert found.test.accepted == 20
