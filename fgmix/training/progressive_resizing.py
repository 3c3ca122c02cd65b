"""Progressive resizing: the first epochs train on smaller images."""

from collections.abc import Iterator
from typing import NamedTuple

from fgmix.config.train_config import TrainConfig
from fgmix.models.backbones.registry import BACKBONES


class Phase(NamedTuple):
    """Consecutive epochs with one image size.

    Attributes:
        first: The first epoch, from 0.
        last: The epoch after the last.
        image_size: Side of the images, in pixels.
    """

    first: int
    last: int
    image_size: int


class Span(NamedTuple):
    """The epochs of one call of Keras's `fit`, with one image size and number of steps.

    Attributes:
        first: The first epoch, from 0.
        last: The epoch after the last.
        steps: Training steps per epoch; for an interrupted epoch, the remaining ones.
        image_size: Side of the images, in pixels.
    """

    first: int
    last: int
    steps: int
    image_size: int


def resize_phases(config: TrainConfig) -> list[Phase]:
    """Returns the phases of a run, in order.

    Args:
        config: A resolved config.
    """
    # With a flattened feature map, the classifier's weights depend on the size.
    one_size = config.views or config.pooling == "flatten" or config.progressive_scale >= 1
    small = 0 if one_size else round(config.progressive_share * config.epochs)
    small = min(small, config.epochs - 1)  # the last epoch has full size
    backbone = BACKBONES[config.backbone]
    step = backbone.side_step()
    side = round(config.progressive_scale * config.image_size / step) * step
    side = min(max(side, backbone.min_size, backbone.patch or 0), config.image_size)
    phases = [Phase(0, small, side), Phase(small, config.epochs, config.image_size)]
    if side == config.image_size:
        phases = [Phase(0, config.epochs, side)]
    return [phase for phase in phases if phase.first < phase.last]


def phase_at(config: TrainConfig, epoch: int) -> Phase:
    """Returns the phase of an epoch; after the last epoch, the last phase."""
    phases = resize_phases(config)
    return next((phase for phase in phases if epoch < phase.last), phases[-1])


def remaining_spans(phases: list[Phase], step: int, steps_per_epoch: int) -> Iterator[Span]:
    """Yields the spans that are left to train of a run.

    Args:
        phases: From `resize_phases`.
        step: Training steps done since the start of the run.
        steps_per_epoch: Training steps per epoch.
    """
    epoch, begun = divmod(step, steps_per_epoch)
    for phase in phases:
        first = max(phase.first, epoch)
        if begun and first == epoch < phase.last:
            # For Keras, the rest of an interrupted epoch is an epoch with fewer steps.
            yield Span(epoch, epoch + 1, steps_per_epoch - begun, phase.image_size)
            first += 1
        if first < phase.last:
            yield Span(first, phase.last, steps_per_epoch, phase.image_size)
