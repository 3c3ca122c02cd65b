"""Builds a classifier and fits it to its inputs."""

import logging
import math
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

import keras
import numpy as np

from fgmix.config.train_config import TrainConfig
from fgmix.errors import FgmixError
from fgmix.files import remove_partial
from fgmix.models.classifier import build_classifier, parameter_groups
from fgmix.models.freezing import freeze_backbone
from fgmix.models.resized import at_size
from fgmix.runs.record import DIVERGED, HISTORY, LOGS
from fgmix.training.callbacks import (
    AgreeOnInterrupt,
    Checkpoint,
    Divergence,
    EpochLog,
    Monitor,
    RunProgress,
    write_history,
)
from fgmix.training.checkpoint import Progress, restore_checkpoint
from fgmix.training.class_weights import training_loss
from fgmix.training.distributed.batchnorm import batch_statistics
from fgmix.training.distributed.distribution import ONE_DEVICE, Distribution
from fgmix.training.ema import TrainedModel, WeightEMA
from fgmix.training.input_stall import InputStall, report_input_stall
from fgmix.training.inputs import Inputs
from fgmix.training.interrupts import Interrupted, interrupts_noted
from fgmix.training.optimizer import build_optimizer, build_schedules
from fgmix.training.precision import policy
from fgmix.training.progressive_resizing import remaining_spans, resize_phases

log = logging.getLogger(__name__)


def build_model(config: TrainConfig, num_classes: int, precision: str) -> keras.Model:
    """Builds the classifier of a resolved config, with the config's seed."""
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
            head=config.head,
            feature_maps=config.feature_maps,
            head_bn=config.head_bn,
            dropout=config.dropout,
        )
    freeze_pretrained(model, config)
    for group, variables in parameter_groups(model).items():
        count = sum(math.prod(variable.shape) for variable in variables)
        log.info("%12s parameters, %s", f"{count:,}", group)
    return model


def freeze_pretrained(model: keras.Model, config: TrainConfig) -> None:
    """Freezes the layers that the config keeps as pretrained; none if the backbone is not."""
    if config.weights != "none":
        freeze_backbone(model, config.bn, config.frozen_stride)


def fit(
    model: keras.Model,
    config: TrainConfig,
    inputs: Inputs,
    directory: Path,
    *,
    before: Sequence[dict] = (),
    checkpoints: Path | None = None,
    weights: np.ndarray | None = None,
    distribution: Distribution = ONE_DEVICE,
) -> list[dict]:
    """Trains `model` in place and writes `history.csv`, checkpoints and TensorBoard logs.

    Args:
        model: A classifier from `build_model`, or its head if `inputs` are features.
        config: A resolved config.
        inputs: The training batches, and the splits to measure after every epoch.
        directory: The run's folder.
        before: The history of an earlier stage of the run.
        checkpoints: Folder of the checkpoints; the run's by default.
        weights: The weights of the classes in the loss, `(K,)`; None for none.
        distribution: The devices and processes. `model` must be built in its scope, and this
            function be called there.

    Returns:
        The history, one row per epoch, starting with `before`.

    Raises:
        FgmixError: If the loss or a weight is not finite, a checkpoint can't be restored, or the
            images change.
        Interrupted: If Ctrl-C or SIGTERM came; the state is saved.
    """
    steps = inputs.steps_per_epoch
    schedules = build_schedules(config, steps)
    optimizer = build_optimizer(model, config, steps)
    # The policy of the model itself is the global one, so look at its layers.
    if any(layer.dtype_policy.name == "mixed_float16" for layer in model.layers):
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    loss = training_loss(config.label_smoothing, weights)
    phases = resize_phases(config)
    for phase in phases if len(phases) > 1 else []:
        log.info("up to epoch %d: photos of %d pixels", phase.last, phase.image_size)
    trained = _compile(model, config, optimizer, loss, {phase.image_size for phase in phases})
    compiled = trained[config.image_size]

    checkpoints = checkpoints or directory
    if distribution.leads:
        checkpoints.mkdir(exist_ok=True)
        remove_partial(checkpoints)
    progress = Progress()
    if config.resume:
        progress = restore_checkpoint(checkpoints, compiled, distribution)
        if progress.step and progress.backbone not in (None, inputs.backbone):
            raise FgmixError(
                f"can't resume {directory}: its backbone had other weights; give the same "
                f"--weights again, or start over with --overwrite"
            )
        log.info("continuing after step %d of %d", progress.step, config.epochs * steps)
    progress.backbone = inputs.backbone
    if not progress.step:
        progress.rows = list(before)
    leads = distribution.leads
    if leads and config.resume and progress.rows:
        # The file may contain rows of epochs that will be trained again.
        write_history(directory / HISTORY, progress.rows)

    stall = InputStall()
    with interrupts_noted() as request, batch_statistics(compiled, distribution):
        history = directory / HISTORY if leads else None
        callbacks = [
            stall,
            *(Monitor(name, split, distribution) for name, split in inputs.measured.items()),
            EpochLog(history, progress, schedules, inputs, len(before)),
            Divergence(directory / DIVERGED if leads else None, progress, inputs),
            AgreeOnInterrupt(request, distribution),
            Checkpoint(
                checkpoints if leads else None,
                progress,
                inputs,
                config.epochs * steps,
                config.checkpoint_every,
                request,
            ),
        ]
        for span in remaining_spans(phases, progress.step, steps):
            trained[span.image_size].fit(
                stall.watch(inputs.training(progress.step)),
                initial_epoch=len(before) + span.first,
                epochs=len(before) + span.last,
                steps_per_epoch=span.steps,
                callbacks=[
                    *callbacks,
                    *([keras.callbacks.TensorBoard(directory / LOGS, write_graph=False)] * leads),
                    RunProgress(len(before) + config.epochs),
                ],
                shuffle=False,  # the batches are shuffled already
                # A terminal gets a progress bar, a log file one line per epoch.
                verbose=(1 if sys.stdout.isatty() else 2) if leads else 0,
            )
    signalled = distribution.first_signal(request.number)
    if signalled is not None:
        raise Interrupted(signalled)
    if compiled.ema is not None:
        compiled.ema.finish()
    report_input_stall(stall, config)
    return progress.rows


def _compile(
    model: keras.Model,
    config: TrainConfig,
    optimizer: keras.optimizers.Optimizer,
    loss: keras.losses.Loss,
    sizes: Collection[int],
) -> dict[int, TrainedModel]:
    """Returns compiled models by image size, which share the classifier's variables.

    The classifier itself stays uncompiled, so that it is saved without an optimizer and loads
    anywhere. The model of the largest size is evaluated.
    """
    largest = TrainedModel(model.inputs, model.outputs)
    trained = {config.image_size: largest}
    for side in sorted(set(sizes) - {config.image_size}):
        resized = at_size(model, side)
        trained[side] = TrainedModel(resized.inputs, resized.outputs)
        trained[side].full_size = lambda: largest
    ema = WeightEMA(model.weights, config.ema, config.accumulate) if config.ema else None
    # Built now, because variables created in the first step would cause a second trace.
    optimizer.build(largest.trainable_variables)
    outputs = keras.ops.zeros((1, *model.output_shape[1:]))
    for compiled in trained.values():
        if ema:
            compiled.track_ema(ema)
        compiled.compile(
            optimizer=optimizer,
            loss=loss,
            metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
        )
        # Metrics create their variables on first use; a checkpoint may contain their values.
        compiled.compute_metrics(None, outputs, outputs)
    return trained
