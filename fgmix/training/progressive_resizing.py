"""Training small and finishing large: in which epochs the photos have which size."""

from collections.abc import Iterator
from typing import NamedTuple

from fgmix.config.train_config import TrainConfig
from fgmix.models.backbones.registry import BACKBONES

MULTIPLE = 32
"""Of the side of the smaller photos: what backbones shrink an image by."""


class Phase(NamedTuple):
    """Consecutive epochs whose photos have one size.

    Attributes:
        first: The first epoch, from 0.
        last: The epoch after the last.
        image_size: Side of the photos, in pixels.
    """

    first: int
    last: int
    image_size: int


class Span(NamedTuple):
    """What is trained by one call of Keras's `fit`: epochs of a size and a number of steps.

    Attributes:
        first: The first epoch, from 0.
        last: The epoch after the last.
        steps: Training steps an epoch, or what is left of one that has begun.
        image_size: Side of the photos, in pixels.
    """

    first: int
    last: int
    steps: int
    image_size: int


def resize_phases(config: TrainConfig) -> list[Phase]:
    """The parts of a run, in order.

    Args:
        config: A resolved config.
    """
    # The weights of a flattened map's classifier depend on the size.
    one_size = config.views or config.pooling == "flatten" or config.progressive_scale >= 1
    small = 0 if one_size else round(config.progressive_share * config.epochs)
    small = min(small, config.epochs - 1)  # to finish large
    side = round(config.progressive_scale * config.image_size / MULTIPLE) * MULTIPLE
    side = min(max(side, BACKBONES[config.backbone].min_size), config.image_size)
    parts = [Phase(0, small, side), Phase(small, config.epochs, config.image_size)]
    if side == config.image_size:
        parts = [Phase(0, config.epochs, side)]
    return [part for part in parts if part.first < part.last]


def phase_at(config: TrainConfig, epoch: int) -> Phase:
    """The part that an epoch is in; after the last epoch, the last."""
    parts = resize_phases(config)
    return next((part for part in parts if epoch < part.last), parts[-1])


def remaining_spans(parts: list[Phase], step: int, steps_per_epoch: int) -> Iterator[Span]:
    """What is left to train of a run.

    Args:
        parts: From `resize_phases`.
        step: Training steps done, counted from the start of the run.
        steps_per_epoch: Training steps an epoch.
    """
    epoch, begun = divmod(step, steps_per_epoch)
    for part in parts:
        first = max(part.first, epoch)
        if begun and first == epoch < part.last:
            # What is left of an epoch that has begun is an epoch of fewer steps, to Keras.
            yield Span(epoch, epoch + 1, steps_per_epoch - begun, part.image_size)
            first += 1
        if first < part.last:
            yield Span(first, part.last, steps_per_epoch, part.image_size)
