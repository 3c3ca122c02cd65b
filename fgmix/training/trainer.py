"""Fitting one classifier to what it is fed."""

import logging
import math
import sys
from collections.abc import Sequence
from pathlib import Path

import keras

from fgmix.files import remove_partial
from fgmix.models.classifier import build_classifier, parameter_groups
from fgmix.training.batchnorm import batch_statistics_of_all
from fgmix.training.callbacks import (
    Checkpoint,
    Divergence,
    EpochLog,
    Monitor,
    StopTogether,
    write_history,
)
from fgmix.training.checkpoint import Progress, restore_checkpoint
from fgmix.training.config import TrainConfig
from fgmix.training.feed import Feed
from fgmix.training.optimizer import build_optimizer, build_schedules
from fgmix.training.placement import ALONE, Placement
from fgmix.training.precision import policy
from fgmix.training.run_folder import DIVERGED, HISTORY, LOGS
from fgmix.training.stopping import Stopped, stopping_between_steps

log = logging.getLogger(__name__)


def build_model(config: TrainConfig, num_classes: int, precision: str) -> keras.Model:
    """Builds the classifier that a resolved config describes, seeded by it."""
    keras.utils.set_random_seed(config.seed)
    with policy(precision):
        model = build_classifier(
            num_classes,
            config.backbone,
            config.attention,
            weights=config.weights,
            image_size=config.image_size,
            reduction=config.reduction,
            gate=config.gate,
            pooling=config.pooling,
            head_bn=config.head_bn,
            dropout=config.recipe_settings.dropout,
        )
    for group, variables in parameter_groups(model).items():
        count = sum(math.prod(variable.shape) for variable in variables)
        log.info("%12s parameters, %s", f"{count:,}", group)
    return model


def fit(
    model: keras.Model,
    config: TrainConfig,
    feed: Feed,
    directory: Path,
    *,
    before: Sequence[dict] = (),
    checkpoints: Path | None = None,
    placement: Placement = ALONE,
) -> list[dict]:
    """Trains `model` in place and keeps `history.csv`, a checkpoint and TensorBoard logs.

    Args:
        model: A classifier from `build_model`, or the part of one that takes what `feed` gives.
        config: A resolved config.
        feed: What to train on and what to measure every epoch.
        directory: The run's folder.
        before: The history of what the run has trained before with another optimizer.
        checkpoints: Folder of the checkpoint; the run's by default.
        placement: Where it is trained. `model` was built in its scope, and this is called there.

    Returns:
        The history, a row an epoch, from `before` on.

    Raises:
        FgmixError: If the loss or a weight stops being a number, a checkpoint can't be restored, or
            the photos change.
        Stopped: If Ctrl-C or SIGTERM came; the state is saved.
    """
    steps = feed.steps_per_epoch
    schedules = build_schedules(config, steps)

    # A second model over the same layers is compiled, so that the classifier itself is saved
    # without an optimizer and loads anywhere.
    compiled = keras.Model(model.inputs, model.outputs)
    optimizer = build_optimizer(model, config, schedules)
    # A model's own policy is that of the place where it was put together.
    if any(layer.dtype_policy.name == "mixed_float16" for layer in model.layers):
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    loss = keras.losses.CategoricalCrossentropy(
        label_smoothing=config.recipe_settings.label_smoothing
    )
    compiled.compile(
        optimizer=optimizer,
        loss=loss,
        metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
    )

    # Metrics get their variables with the first answers, and a checkpoint may hold values for them.
    answers = keras.ops.zeros((1, *model.output_shape[1:]))
    compiled.compute_metrics(None, answers, answers)

    checkpoints = checkpoints or directory
    if placement.leads:
        checkpoints.mkdir(exist_ok=True)
        remove_partial(checkpoints)
    progress = Progress()
    if config.resume:
        progress = restore_checkpoint(checkpoints, compiled, placement)
        log.info("going on after step %d of %d", progress.step, config.epochs * steps)
    if not progress.step:
        progress.rows = list(before)
    leads = placement.leads
    if leads and config.resume and progress.rows:
        # The file may hold rows of epochs that are to be trained again.
        write_history(directory / HISTORY, progress.rows)

    with stopping_between_steps() as request, batch_statistics_of_all(compiled, placement):
        history = directory / HISTORY if leads else None
        callbacks = [
            *(Monitor(split, feed.measured[split], loss, placement) for split in feed.measured),
            EpochLog(history, progress, schedules, feed, len(before)),
            Divergence(directory / DIVERGED if leads else None, progress, feed),
            StopTogether(request, placement),
            Checkpoint(
                checkpoints if leads else None,
                progress,
                feed,
                config.epochs * steps,
                config.checkpoint_every,
                request,
            ),
        ]
        epoch, begun = divmod(progress.step, steps)
        epoch, epochs = len(before) + epoch, len(before) + config.epochs
        # What is left of an epoch that has begun is an epoch of fewer steps, to Keras.
        spans = [(epoch, epoch + 1, steps - begun), (epoch + 1, epochs, steps)]
        for first, last, length in spans if begun else [(epoch, epochs, steps)]:
            if first == last:
                continue
            compiled.fit(
                feed.training(progress.step),
                initial_epoch=first,
                epochs=last,
                steps_per_epoch=length,
                callbacks=[
                    *callbacks,
                    *([keras.callbacks.TensorBoard(directory / LOGS, write_graph=False)] * leads),
                ],
                shuffle=False,  # the batches come shuffled
                # A bar that redraws itself is for a terminal; a log file gets a line an epoch.
                verbose=(1 if sys.stdout.isatty() else 2) if leads else 0,
            )
    signalled = placement.first_signal(request.number)
    if signalled is not None:
        raise Stopped(signalled)
    return progress.rows
