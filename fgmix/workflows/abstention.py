"""Chooses when an exported model abstains, on validation images and never on test images."""

import logging
from collections.abc import Callable, Sequence

import numpy as np

from fgmix.errors import FgmixError
from fgmix.evaluation.calibration import (
    Abstention,
    calibrate,
    fit_temperature,
    limit_for_share,
    select,
    threshold_for_coverage,
    threshold_for_precision,
)
from fgmix.evaluation.evaluate import Evaluation
from fgmix.evaluation.strangers import auroc, distances
from fgmix.models.class_means import ClassMeans
from fgmix.runs.ensemble import Ensemble
from fgmix.serving.abstention_card import (
    Calibration,
    Strangers,
    describe,
    describe_strangers,
)
from fgmix.serving.choices import Target

log = logging.getLogger(__name__)

# (confidences, whether each prediction is correct, target) -> threshold
Chooser = Callable[[np.ndarray, np.ndarray, float], float]
THRESHOLDS: dict[str, Chooser] = {
    "precision": threshold_for_precision,
    "coverage": lambda confidences, correct, target: threshold_for_coverage(confidences, target),
}


def refuse_unmeasurable(ensemble: Ensemble, target: Target | None, unknown: float | None) -> None:
    """Checks that runs have what targets are chosen on.

    Raises:
        FgmixError: If there are no validation images for `target`, or no class means for `unknown`.
    """
    run = ensemble.first
    if target and not run.data["num_images"].get("val"):
        raise FgmixError(
            f"{run.directory} was trained without validation photos, which calibration and "
            f"threshold are chosen on: train it with --val-fraction 0.1, or export it without a "
            f"target"
        )
    if unknown and not ensemble.class_means:
        raise FgmixError(f"--unknown-target: {ensemble.without_distance()}")
    if unknown and not len(ensemble.class_means[0].known):
        raise FgmixError(
            f"--unknown-target: {run.directory} has one photo of every class, which does not tell "
            f"how far others lie: train it with more"
        )


def choose_abstention(
    measure: Callable[[str], Evaluation],
    target: Target | None,
    unknown: float | None = None,
    class_means: Sequence[ClassMeans] = (),
) -> Calibration:
    """Fits temperature, threshold and limit on validation images and measures them on test images.

    Args:
        measure: Evaluates the model that is exported on a split; with features for `unknown`.
        target: What the threshold is to reach; None for no threshold.
        unknown: The share of images that the limit of the distance is to accept; None for no limit.
        class_means: Those of the model.

    Raises:
        FgmixError: If the target can't be reached.
    """
    strangers, near = None, None
    if unknown:
        strangers, near = _choose_limit(measure, unknown, class_means)
    limit = strangers.limit if strangers else None
    if strangers and strangers.split == "train":
        abstention, validation = Abstention(1.0, 0.0, limit), None
    else:
        found = measure("val")
        temperature = fit_temperature(found.probabilities, found.labels)
        threshold = _choose_threshold(found, temperature, target, near) if target else 0.0
        abstention = Abstention(temperature, threshold, limit)
        far = distances(found.features, class_means) if unknown else None
        validation = select(found.probabilities, found.labels, abstention, far)
    test = measure("test")
    far = distances(test.features, class_means) if unknown else None
    calibration = Calibration(
        str(target) if target else None,
        abstention,
        validation,
        select(test.probabilities, test.labels, abstention, far),
        strangers,
    )
    if target:
        log.info(
            "chosen for %s: temperature %.3f, threshold %.4f",
            *(target, abstention.temperature, abstention.threshold),
        )
    if strangers:
        log.info("%s", describe_strangers(strangers))
    if validation:
        log.info("  %s", describe(validation, "validation"))
    log.info("  %s", describe(calibration.test, "test"))
    return calibration


def _choose_limit(
    measure: Callable[[str], Evaluation], unknown: float, class_means: Sequence[ClassMeans]
) -> tuple[Strangers, np.ndarray]:
    """Returns the limit with what it does, and which of the measured images are within it."""
    split = class_means[0].split
    if split == "val":
        found = measure(split)
        known = distances(found.features, class_means)
        others = distances(found.features, class_means, without=found.labels)
    else:
        # Measured when the run was trained, in cross-validation. Other runs and views count as the
        # first, because theirs need not be of the same images.
        known, others = class_means[0].known, class_means[0].others
    limit = limit_for_share(known, unknown)
    told = Strangers(
        target=unknown,
        limit=limit,
        split=split,
        images=len(known),
        refused=float((others > limit).mean()),
        auroc=auroc(known, others),
    )
    return told, known <= limit


def _choose_threshold(
    found: Evaluation, temperature: float, target: Target, near: np.ndarray | None
) -> float:
    """Returns the threshold that reaches a target among the images within the limit."""
    calibrated = calibrate(found.probabilities, temperature)
    confidences = calibrated.max(axis=1)
    correct = calibrated.argmax(axis=1) == found.labels
    if near is None:
        return THRESHOLDS[target.kind](confidences, correct, target.value)
    if target.kind == "precision":
        return THRESHOLDS[target.kind](confidences[near], correct[near], target.value)
    if target.value > near.mean():
        raise FgmixError(
            f"--coverage-target {target.value:g} can't be reached: {near.mean():.1%} of the "
            f"{len(near)} validation photos are near enough to be accepted; choose a lower one, or "
            f"a higher --unknown-target"
        )
    # Images beyond the limit come last, so that the share is one of all images.
    return THRESHOLDS[target.kind](np.where(near, confidences, 0), correct, target.value)
