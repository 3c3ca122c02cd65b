"""Training small and finishing large: in which epochs the photos have which size."""

from collections.abc import Iterator
from typing import NamedTuple

from fgmix.config.train_config import TrainConfig
from fgmix.models.backbones.registry import BACKBONES

MULTIPLE = 32
"""Of the side of the smaller photos: what backbones shrink an image by."""


class Part(NamedTuple):
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


def size_parts(config: TrainConfig) -> list[Part]:
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
    parts = [Part(0, small, side), Part(small, config.epochs, config.image_size)]
    if side == config.image_size:
        parts = [Part(0, config.epochs, side)]
    return [part for part in parts if part.first < part.last]


def part_at(config: TrainConfig, epoch: int) -> Part:
    """The part that an epoch is in; after the last epoch, the last."""
    parts = size_parts(config)
    return next((part for part in parts if epoch < part.last), parts[-1])


def spans_left(parts: list[Part], step: int, steps_per_epoch: int) -> Iterator[Span]:
    """What is left to train of a run.

    Args:
        parts: From `size_parts`.
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
