"""Trains a classifier in one stage, or its head first and then the backbone too."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np

from fgmix.config.train_config import TrainConfig
from fgmix.data.dataset import ImageDataset
from fgmix.data.resized_cache.store import ResizedImage
from fgmix.training.class_weights import class_weights, describe_weights
from fgmix.training.distributed.distribution import ONE_DEVICE, Distribution
from fgmix.training.frozen.inputs import feature_inputs
from fgmix.training.inputs import Inputs, image_inputs
from fgmix.training.interpolation import interpolate
from fgmix.training.start import start_from_probe, starts_as_probe
from fgmix.training.trainer import fit, freeze_pretrained

log = logging.getLogger(__name__)

FINETUNING = "finetuning"
"""The folder, in an unfinished run's folder, for the checkpoint of `--finetune-epochs`."""


@dataclass(frozen=True)
class FitResult:
    """What a training gave besides the weights.

    Attributes:
        history: A row per epoch.
        interpolation: How far the final weights are along the line from the start to the end of
            the last stage; None without `--interpolation`.
    """

    history: list[dict]
    interpolation: float | None = None


def fit_stages(
    model: keras.Model,
    config: TrainConfig,
    dataset: ImageDataset,
    directory: Path,
    resized: Mapping[str, ResizedImage] | None = None,
    distribution: Distribution = ONE_DEVICE,
) -> FitResult:
    """Trains a classifier in place, in one stage or two.

    Args:
        model: A classifier from `build_model`.
        config: A resolved config.
        dataset: The data set to train on.
        directory: The run's folder.
        resized: Resized training images, by path.
        distribution: The devices and processes. `model` must be built in its scope, and this
            function be called there.

    Raises:
        FgmixError: If training diverges, or features or a checkpoint can't be used.
    """
    weights = class_weights(config, dataset)
    if weights is not None:
        log.info("%s", describe_weights(weights, dataset.class_names))
    if starts_as_probe(config):
        start_from_probe(model, config, dataset, directory, distribution)
    if not config.views:
        inputs = image_inputs(config, dataset, resized, distribution)
        return _fit_stage(model, config, inputs, directory, distribution, weights)
    head, inputs = feature_inputs(model, config, dataset, distribution)
    of_head = replace(config, backbone_lr=0.0)
    first = _fit_stage(head, of_head, inputs, directory, distribution, weights)
    if not config.finetune_epochs:
        return first
    log.info("finetuning with the backbone, for %d epochs", config.finetune_epochs)
    config = finetuning(config, len(dataset.splits["train"]))
    freeze_pretrained(model, config)
    inputs = image_inputs(config, dataset, resized, distribution)
    return _fit_stage(
        model,
        config,
        inputs,
        directory,
        distribution,
        weights,
        before=first.history,
        checkpoints=directory / FINETUNING,
    )


def _fit_stage(
    model: keras.Model,
    config: TrainConfig,
    inputs: Inputs,
    directory: Path,
    distribution: Distribution,
    weights: np.ndarray | None,
    before: Sequence[dict] = (),
    checkpoints: Path | None = None,
) -> FitResult:
    start = model.get_weights()
    history = fit(
        model,
        config,
        inputs,
        directory,
        before=before,
        checkpoints=checkpoints,
        weights=weights,
        distribution=distribution,
    )
    if config.interpolation == "none" or not starts_as_probe(config):
        return FitResult(history)
    # Beside shots, validation photos would be more labels than the run is meant to have.
    whole = config.shots is None and config.train_fraction == 1
    measured = inputs.measured.get("val") if whole else None
    return FitResult(history, interpolate(model, start, measured, weights, distribution))


def finetuning(config: TrainConfig, photos: int) -> TrainConfig:
    """Returns the config of the second stage, with the settings of the recipe `finetune`.

    Args:
        config: The resolved config of the run.
        photos: The number of training images.
    """
    assert config.finetune is not None
    stage = config.finetune
    if stage.few is not None and photos < stage.few_photos:
        stage = stage.few
    return replace(
        config,
        epochs=config.finetune_epochs,
        head_lr=config.backbone_lr,
        optimizer=stage.optimizer,
        layer_decay=stage.layer_decay,
        weight_decay=stage.weight_decay,  # that of `frozen` was chosen for the head alone
        warmup_epochs=stage.warmup_epochs,
        label_smoothing=stage.label_smoothing,
        bn=stage.bn,
        frozen_stride=stage.frozen_stride,
        ema=stage.ema,
        interpolation=stage.interpolation,
        progressive_share=stage.progressive_share,
        progressive_scale=stage.progressive_scale,
        views=0,
        finetune_epochs=0,
        finetune=None,
    )
