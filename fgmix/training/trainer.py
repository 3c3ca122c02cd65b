"""Fitting one classifier to one data set."""

import logging
import math
import sys
from collections.abc import Mapping
from pathlib import Path

import keras
import tensorflow as tf

from fgmix.data.copies import Copy
from fgmix.data.dataset import ImageDataset
from fgmix.data.pipeline import evaluation_batches, steps_per_epoch, training_batches
from fgmix.errors import FgmixError
from fgmix.models.classifier import build_classifier, parameter_groups
from fgmix.training.callbacks import Checkpoint, EpochLog, Monitor
from fgmix.training.checkpoint import load_checkpoint
from fgmix.training.config import TrainConfig
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
        )
    for group, variables in parameter_groups(model).items():
        count = sum(math.prod(variable.shape) for variable in variables)
        log.info("%12s parameters, %s", f"{count:,}", group)
    return model


def fit(
    model: keras.Model,
    config: TrainConfig,
    dataset: ImageDataset,
    directory: Path,
    copies: Mapping[str, Copy] | None = None,
) -> list[dict]:
    """Trains `model` in place and keeps `history.csv`, a checkpoint and TensorBoard logs.

    Args:
        model: A classifier from `build_model`.
        config: A resolved config.
        dataset: Its `"train"` split is trained on; `"val"`, if there, is measured every epoch, and
            `"test"` if the config monitors it.
        directory: The run's folder.
        copies: Prepared copies of training photos, by path; the others are read themselves.

    Returns:
        The history, a row an epoch.

    Raises:
        FgmixError: If the loss stops being a number, or a checkpoint can't be restored.
    """
    batch_size = min(config.batch_size, len(dataset.splits["train"]))
    steps = steps_per_epoch(len(dataset.splits["train"]), batch_size)
    schedules = build_schedules(config, steps)

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

    history = EpochLog(directory / HISTORY, schedules, steps, batch_size)
    if config.resume and (directory / CHECKPOINT).is_file():
        history.rows = load_checkpoint(directory / CHECKPOINT, model, trainable.optimizer)
        log.info("going on after epoch %d of %d", len(history.rows), config.epochs)

    trainable.fit(
        training_batches(
            dataset,
            image_size=config.image_size,
            batch_size=batch_size,
            augmentation=config.recipe_settings.augmentation,
            seed=config.seed,
            epochs=config.epochs,
            first_epoch=len(history.rows),
            copies=copies,
        ),
        initial_epoch=len(history.rows),
        epochs=config.epochs,
        steps_per_epoch=steps,
        validation_data=_batches(config, dataset, "val") if "val" in dataset.splits else None,
        callbacks=[
            keras.callbacks.TerminateOnNaN(),
            *([Monitor("test", _batches(config, dataset, "test"))] if config.monitor_test else []),
            history,
            Checkpoint(directory / CHECKPOINT, history, model),
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


def _batches(config: TrainConfig, dataset: ImageDataset, split: str) -> tf.data.Dataset:
    """The batches of a split that is measured every epoch."""
    return evaluation_batches(
        dataset, split, image_size=config.image_size, batch_size=config.batch_size
    )
