"""Trains, evaluates and exports a run: the workflow of `fgmix train`."""

import logging
import math
import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from fgmix.config.train_config import TrainConfig
from fgmix.config.validation import check, check_before_training
from fgmix.data.dataset import ImageDataset
from fgmix.data.identity import Identity
from fgmix.data.sources.registry import require_known
from fgmix.errors import FgmixError
from fgmix.evaluation.evaluate import Evaluation, evaluate
from fgmix.failpoints import failpoint
from fgmix.files import alone, replacing, write_json
from fgmix.models.backbones.pretrained import require_backbone
from fgmix.models.class_means import ClassMeans
from fgmix.runs import folder as run_folder
from fgmix.runs.record import DISTANCE, METRICS, MODEL, PREDICTIONS, PROBABILITIES
from fgmix.runs.run import Run
from fgmix.serving.first_version import FIRST, export_apart, export_first
from fgmix.training.checkpoint import remove_checkpoints
from fgmix.training.distributed.distribution import Distribution, distribute
from fgmix.training.doubts import doubts
from fgmix.training.faults import faults_explained
from fgmix.training.inputs import refuse_changed
from fgmix.training.interrupts import interrupts_raised
from fgmix.training.precision import choose_precision
from fgmix.training.run_images import images_of_run
from fgmix.training.stages import FINETUNING, fit_stages
from fgmix.training.start import START
from fgmix.training.trainer import build_model
from fgmix.workflows.distance import fit_distance

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainResult:
    """A finished run's folder and metrics.

    Attributes:
        directory: The run's folder.
        metrics: The content of its `metrics.json`.
    """

    directory: Path
    metrics: dict[str, Any]


def train(config: TrainConfig) -> TrainResult:
    """Trains, evaluates and exports one classifier.

    Args:
        config: The settings of the run. Settings that are None are filled by the data set's
            preset, the recipe and the base.

    Returns:
        The folder and the metrics of the finished run.

    Raises:
        FgmixError: If config, data, weights or the run's folder can't be used. Before the first
            training step, only the data set and its resized cache are written.
        Interrupted: If Ctrl-C or SIGTERM came. The run can be resumed.

    Example:
        ```python
        result = fgmix.train(fgmix.TrainConfig(dataset="demo", seed=1))
        result.directory, result.metrics["top1"]
        ```
    """
    check(config)
    require_known(config.dataset, config.data_dir)
    config = config.resolve()
    check_before_training(config)
    require_backbone(config.backbone)
    with distribute(config) as distribution, ExitStack() as held:
        if not distribution.leads:
            logging.getLogger("fgmix").setLevel(logging.WARNING)
        distribution.together(lambda: _claim(config, distribution, held))
        precision = choose_precision(config.precision)
        dataset, resized = images_of_run(config, precision, distribution)
        held.enter_context(faults_explained(config, dataset))
        held.enter_context(interrupts_raised())
        settings = config.for_photos(len(dataset.splits["train"]))
        few = ", for few photos" if settings is not config else ""
        log.info("recipe: %s%s (%s)", config.recipe, few, config.recipe_reason)
        with distribution.scope():
            model = build_model(settings, len(dataset.class_names), precision)
            directory = Path(config.run_dir)
            if distribution.leads:
                run_folder.prepare_run(
                    config,
                    dataset,
                    precision,
                    len(resized),
                    devices=distribution.devices,
                    processes=distribution.processes,
                )
                log.info("run folder: %s", directory)
            before = dataset.identities()
            fitted = fit_stages(model, settings, dataset, directory, resized, distribution)
            split = config.measured_split
            log.info("evaluating on %d %s photos", len(dataset.splits[split]), split)
            found = evaluate(
                model, dataset, split, batch_size=config.batch_size, distribution=distribution
            )
            if fitted.interpolation is not None:
                found.metrics["interpolation"] = fitted.interpolation
            means = fit_distance(model, settings, dataset, distribution)
            failpoint("evaluated")
        if distribution.leads:
            for doubt in doubts(settings, dataset, fitted.history):
                log.warning("doubtful: %s", doubt)
            _finish(model, config, dataset, before, found, means, distribution)
        return TrainResult(directory, found.metrics)


def _claim(config: TrainConfig, distribution: Distribution, held: ExitStack) -> None:
    """Checks that no other process trains this run and that its folder may be written to."""
    if not distribution.leads:
        return
    busy = (
        f"{config.run_dir} is being trained by another process: wait for it, or choose another "
        f"--run-dir"
    )
    held.enter_context(alone(Path(config.run_dir), busy))
    run_folder.refuse_existing(config)


def _finish(
    model: keras.Model,
    config: TrainConfig,
    dataset: ImageDataset,
    before: Mapping[str, Identity | None],
    found: Evaluation,
    means: ClassMeans,
    distribution: Distribution,
) -> None:
    """Writes model, predictions and metrics of a trained run, and removes its checkpoints.

    Args:
        model: The classifier.
        config: The run's resolved config.
        dataset: The images it was trained and measured on.
        before: The identities of their files before training, by path.
        found: The final evaluation.
        means: Of its classes.
        distribution: The devices and processes that trained it.
    """
    directory = Path(config.run_dir)
    if not math.isfinite(found.metrics["loss"]):
        raise FgmixError(
            f"training diverged in its last epoch: the loss of {directory} is not a number; "
            f"lower --backbone-lr and --head-lr"
        )
    with replacing(directory / MODEL) as beside:
        model.save(beside)
    means.save(directory / DISTANCE)
    found.write_predictions(directory / PREDICTIONS)
    if config.measured_split == "fold":
        found.write_probabilities(directory / PROBABILITIES)
    if not (directory / FIRST).exists():
        if distribution.divided or keras.backend.backend() != "tensorflow":
            export_apart(directory, found.metrics)
        else:
            export_first(Run.open(directory, finished=False), model, found.metrics)
    # A result on images that were replaced meanwhile would belong to no data set.
    refuse_changed(dataset, before)
    # Last, because this file marks the run as finished.
    write_json(directory / METRICS, found.metrics)
    remove_checkpoints(directory)
    shutil.rmtree(directory / FINETUNING, ignore_errors=True)
    (directory / START).unlink(missing_ok=True)
