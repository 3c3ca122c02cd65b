"""Fitting one classifier to what it is fed."""

import logging
import math
import sys
from collections.abc import Sequence
from pathlib import Path

import keras

from fgmix.errors import FgmixError
from fgmix.models.classifier import build_classifier, parameter_groups
from fgmix.training.callbacks import Checkpoint, EpochLog, Monitor
from fgmix.training.checkpoint import load_checkpoint
from fgmix.training.config import TrainConfig
from fgmix.training.feed import Feed
from fgmix.training.optimizer import build_optimizer, build_schedules
from fgmix.training.precision import policy
from fgmix.training.run_folder import CHECKPOINT, HISTORY, LOGS

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
) -> list[dict]:
    """Trains `model` in place and keeps `history.csv`, a checkpoint and TensorBoard logs.

    Args:
        model: A classifier from `build_model`, or the part of one that takes what `feed` gives.
        config: A resolved config.
        feed: What to train on and what to measure every epoch.
        directory: The run's folder.
        before: The history of what the run has trained before with another optimizer.
        checkpoints: Folder of the checkpoint; the run's by default.

    Returns:
        The history, a row an epoch, from `before` on.

    Raises:
        FgmixError: If the loss stops being a number, or a checkpoint can't be restored.
    """
    schedules = build_schedules(config, feed.steps_per_epoch)

    # A second model over the same layers is compiled, so that the classifier itself is saved
    # without an optimizer and loads anywhere.
    trainable = keras.Model(model.inputs, model.outputs)
    optimizer = build_optimizer(model, config, schedules)
    if model.dtype_policy.name == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    trainable.compile(
        optimizer=optimizer,
        loss=keras.losses.CategoricalCrossentropy(
            label_smoothing=config.recipe_settings.label_smoothing
        ),
        metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
    )

    history = EpochLog(directory / HISTORY, schedules, feed, before)
    checkpoint = (checkpoints or directory) / CHECKPOINT
    epochs = len(before) + config.epochs
    if config.resume and checkpoint.is_file():
        history.rows = load_checkpoint(checkpoint, model, trainable.optimizer)
        log.info("going on after epoch %d of %d", len(history.rows), epochs)
    checkpoint.parent.mkdir(exist_ok=True)

    monitors = [Monitor(split, feed.measured[split]) for split in feed.measured if split != "val"]
    trainable.fit(
        feed.training((len(history.rows) - len(before)) * feed.steps_per_epoch),
        initial_epoch=len(history.rows),
        epochs=epochs,
        steps_per_epoch=feed.steps_per_epoch,
        validation_data=feed.measured.get("val"),
        callbacks=[
            keras.callbacks.TerminateOnNaN(),
            *monitors,
            history,
            Checkpoint(checkpoint, history, model),
            keras.callbacks.TensorBoard(directory / LOGS, write_graph=False),
        ],
        shuffle=False,  # the batches come shuffled
        # A bar that redraws itself is for a terminal; a log file gets a line an epoch.
        verbose=1 if sys.stdout.isatty() else 2,
    )
    if not math.isfinite(history.rows[-1]["loss"]):
        raise FgmixError(
            f"training diverged in epoch {len(history.rows)}: the loss is no longer a number; "
            f"lower --backbone-lr and --head-lr"
        )
    return history.rows
