"""Trains a classifier in one stage, or its head first and then the backbone too."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import keras

from fgmix.config.train_config import TrainConfig
from fgmix.data.dataset import ImageDataset
from fgmix.data.resized_cache.store import ResizedImage
from fgmix.training.distributed.distribution import ONE_DEVICE, Distribution
from fgmix.training.frozen.inputs import feature_inputs
from fgmix.training.inputs import image_inputs
from fgmix.training.trainer import fit, freeze_pretrained

log = logging.getLogger(__name__)

FINETUNING = "finetuning"
"""The folder, in an unfinished run's folder, for the checkpoint of `--finetune-epochs`."""


def fit_stages(
    model: keras.Model,
    config: TrainConfig,
    dataset: ImageDataset,
    directory: Path,
    resized: Mapping[str, ResizedImage] | None = None,
    distribution: Distribution = ONE_DEVICE,
) -> list[dict]:
    """Trains a classifier in place, in one stage or two.

    Args:
        model: A classifier from `build_model`.
        config: A resolved config.
        dataset: The data set to train on.
        directory: The run's folder.
        resized: Resized training images, by path.
        distribution: The devices and processes. `model` must be built in its scope, and this
            function be called there.

    Returns:
        The history, one row per epoch.

    Raises:
        FgmixError: If training diverges, or features or a checkpoint can't be used.
    """
    if not config.views:
        inputs = image_inputs(config, dataset, resized, distribution)
        return fit(model, config, inputs, directory, distribution=distribution)
    head, inputs = feature_inputs(model, config, dataset, distribution)
    rows = fit(head, replace(config, backbone_lr=0.0), inputs, directory, distribution=distribution)
    if not config.finetune_epochs:
        return rows
    log.info("finetuning with the backbone, for %d epochs", config.finetune_epochs)
    config = finetuning(config)
    freeze_pretrained(model, config)
    inputs = image_inputs(config, dataset, resized, distribution)
    return fit(
        model,
        config,
        inputs,
        directory,
        before=rows,
        checkpoints=directory / FINETUNING,
        distribution=distribution,
    )


def finetuning(config: TrainConfig) -> TrainConfig:
    """Returns the config of the second stage, with the settings of the recipe `finetune`."""
    assert config.finetune is not None
    stage = config.finetune
    return replace(
        config,
        epochs=config.finetune_epochs,
        head_lr=config.backbone_lr,
        optimizer=stage.optimizer,
        weight_decay=stage.weight_decay,  # that of `frozen` was chosen for the head alone
        warmup_epochs=stage.warmup_epochs,
        label_smoothing=stage.label_smoothing,
        bn=stage.bn,
        frozen_stride=stage.frozen_stride,
        ema=stage.ema,
        progressive_share=stage.progressive_share,
        progressive_scale=stage.progressive_scale,
        views=0,
        finetune_epochs=0,
        finetune=None,
    )
