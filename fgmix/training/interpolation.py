"""Weights between the start of a training and its end.

Training changes features that were right as well as those that were wrong. On the line between the
weights at the start and at the end there are often better ones than at either end, most of all
where there are few images.

Reference:
    Wortsman et al., *Robust fine-tuning of zero-shot models*, 2022 (WiSE-FT).
"""

import logging
from collections.abc import Sequence

import keras
import numpy as np

from fgmix.training.distributed.distribution import ONE_DEVICE, Distribution
from fgmix.training.inputs import Measured
from fgmix.training.losses import cross_entropy

log = logging.getLogger(__name__)

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
DEFAULT_SHARE = 0.5
"""How far along the weights are if there are too few validation images to choose by."""

ENOUGH = 100
"""The fewest validation images to choose by; with fewer, an accuracy is 4 points uncertain."""


def interpolate(
    model: keras.Model,
    start: Sequence[np.ndarray],
    measured: Measured | None,
    weights: np.ndarray | None = None,
    distribution: Distribution = ONE_DEVICE,
) -> float:
    """Sets the weights of a trained classifier to the best ones between its start and its end.

    Args:
        model: The trained classifier, or its head.
        start: What `model.get_weights()` returned at the start.
        measured: The validation images; None if there are none.
        weights: The weights of the classes in the loss, `(K,)`; None for none. The choice follows
            the loss that was trained.
        distribution: The devices and processes.

    Returns:
        How far along the weights are, from 0, the start, to 1, the end.
    """
    end = model.get_weights()
    if measured is None or len(measured.labels) < ENOUGH:
        share, why = DEFAULT_SHARE, f"fewer than {ENOUGH} validation photos to choose by"
    else:
        losses = {}
        labels = measured.labels.argmax(axis=1)
        for candidate in SHARES:
            _set(model, start, end, candidate)
            probabilities = distribution.predict(model, measured.batches)[: len(labels)]
            losses[candidate] = cross_entropy(probabilities, labels, weights)
        share = min(losses, key=lambda candidate: losses[candidate])
        shown = ", ".join(f"{loss:.3f} at {candidate:.0%}" for candidate, loss in losses.items())
        kind = "loss" if weights is None else "weighted loss"
        why = f"{kind} of {len(labels)} validation photos {shown}"
    _set(model, start, end, share)
    log.info("weights: %.0f%% of the way from start to end (%s)", 100 * share, why)
    return share


def _set(
    model: keras.Model, start: Sequence[np.ndarray], end: Sequence[np.ndarray], share: float
) -> None:
    for weight, first, last in zip(model.weights, start, end, strict=True):
        if np.issubdtype(last.dtype, np.floating):  # seeds are integers
            weight.assign((first + share * (last - first)).astype(last.dtype))
