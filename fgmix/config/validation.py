"""Checks the settings of a run, each by itself and together."""

import os
from pathlib import Path

from fgmix.config.fields import check_values
from fgmix.config.recipes import Recipe
from fgmix.config.settings import Settings
from fgmix.data.protocols import check_protocol
from fgmix.data.sources.manifest.columns import parse_columns
from fgmix.data.sources.registry import SOURCES, is_manifest
from fgmix.errors import FgmixError
from fgmix.models.backbones.checks import check_backbone
from fgmix.models.backbones.registry import BACKBONES

AUTO = "auto"

LONGEST_NAME = 230
"""Bytes in the name of a run's folder: file systems take 255, and locks have longer names."""


def check(config: Settings) -> None:
    """Checks a config, resolved or not; None is allowed.

    Raises:
        FgmixError: If a value is not allowed, or two settings exclude each other.
    """
    if not config.dataset:
        raise FgmixError(
            f"--dataset is missing: give one of {', '.join(SOURCES)}, a folder, or a table"
        )
    check_values(config)
    parse_columns(config.columns)
    if config.columns and not is_manifest(config.dataset):
        raise FgmixError(
            f"--columns is for tables, and --dataset {config.dataset} is none: leave it out"
        )
    if config.batch_size is not None and config.batch_size % config.accumulate:
        raise FgmixError(
            f"--accumulate {config.accumulate}: must divide --batch-size {config.batch_size}"
        )
    if config.head == "linear" and config.pooling == "flatten":
        raise FgmixError(
            "--pooling flatten and --head linear exclude each other: add --head paper, or leave "
            "--pooling out"
        )
    if config.feature_maps == "levels" and config.head == "paper":
        raise FgmixError(
            "--feature-maps levels and --head paper exclude each other: the paper's head takes the "
            "last map"
        )
    check_protocol(config.shots, config.train_fraction, config.folds, config.fold)
    _check_devices(config)


def check_before_training(config: Settings) -> None:
    """Checks what a resolved config names outside of itself, before any image is read.

    A finished run may be read without its weights file, so this is for training alone.

    Raises:
        FgmixError: If the weights file is missing or of another format, the image is too small for
            the backbone, or the name of the run's folder is too long.
    """
    check_backbone(config.backbone, BACKBONES[config.backbone], config.image_size, config.weights)
    name = Path(config.run_dir or "").name
    length = len(os.fsencode(name))
    if length > LONGEST_NAME:
        raise FgmixError(
            f"the run's name is too long ({length} bytes, at most {LONGEST_NAME}): {name[:40]}...; "
            f"give a shorter --run-dir"
        )


def check_views(config: Settings, recipe: Recipe) -> None:
    """Checks that a config has views if and only if its recipe does.

    Args:
        config: A complete config.
        recipe: The recipe that filled it.

    Raises:
        FgmixError: If only one of them has views.
    """
    if recipe.views and config.views == 0:
        raise FgmixError(
            f"--views 0: recipe {recipe.name} trains on views, so there must be at least 1"
        )
    for name, value in (("--views", config.views), ("--finetune-epochs", config.finetune_epochs)):
        if value and not recipe.views:
            raise FgmixError(f"{name} needs recipe frozen: leave it out, or add --recipe frozen")


def _check_devices(config: Settings) -> None:
    number = int(config.devices) if config.devices.isdecimal() else None
    if config.devices != AUTO and not number:
        raise FgmixError(f"--devices {config.devices}: must be auto, or a number from 1 on")
    if config.accumulate > 1 and (number or 0) > 1:
        raise FgmixError(
            "--accumulate and --devices exclude each other: with several devices each needs less "
            "memory anyway"
        )
    if config.coordinator is not None and config.views:
        raise FgmixError(
            "--recipe frozen and --coordinator exclude each other: frozen takes minutes on one "
            "machine"
        )
    if config.coordinator is not None and config.accumulate > 1:
        raise FgmixError("--accumulate and --coordinator exclude each other")
    _check_processes(config)


def _check_processes(config: Settings) -> None:
    named = {"--processes": config.processes, "--process": config.process}
    given = [flag for flag, value in named.items() if value is not None]
    if config.coordinator is None or config.coordinator == AUTO:
        if given:
            raise FgmixError(f"{given[0]} needs --coordinator HOST:PORT")
    elif len(given) < len(named):
        raise FgmixError(
            f"--coordinator {config.coordinator}: also give --processes, the number of processes, "
            f"and --process, the index of this one, from 0"
        )
    if config.processes is not None and not 0 <= (config.process or 0) < config.processes:
        raise FgmixError(
            f"--process {config.process}: must be at most {config.processes - 1} with "
            f"--processes {config.processes}"
        )
