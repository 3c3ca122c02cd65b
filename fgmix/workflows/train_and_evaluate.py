"""One experiment, from config to served model and back: what `train.py` and `evaluate.py` run."""

import logging
import math
import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras

from fgmix.config.train_config import TrainConfig
from fgmix.data.codec.diagnose import refuse_unreadable
from fgmix.data.dataset import ImageDataset, concatenate
from fgmix.data.identity import Identity
from fgmix.errors import FgmixError
from fgmix.evaluation.evaluate import Evaluation, align_classes, evaluate
from fgmix.failpoints import failpoint
from fgmix.files import alone, replacing, write_json
from fgmix.runs import folder as run_folder
from fgmix.runs.record import METRICS, MODEL, PREDICTIONS, PROBABILITIES
from fgmix.runs.run import Run
from fgmix.serving.first_version import FIRST, export_apart, export_first
from fgmix.training.checkpoint import remove_checkpoints
from fgmix.training.distributed.distribution import Distribution, distribute
from fgmix.training.faults import faults_explained
from fgmix.training.inputs import refuse_changed
from fgmix.training.interrupts import interrupts_raised
from fgmix.training.precision import choose_precision
from fgmix.training.run_images import load_splits, photos_of_run
from fgmix.training.stages import FINETUNING, fit_stages
from fgmix.training.trainer import build_model

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainResult:
    """Where a run lies and how good it is.

    Attributes:
        directory: The run's folder.
        metrics: What is in its `metrics.json`.
    """

    directory: Path
    metrics: dict[str, Any]


def train(config: TrainConfig) -> TrainResult:
    """Trains, evaluates and exports one classifier.

    Args:
        config: What to train; what it leaves None is filled by data set, recipe and base.

    Returns:
        The finished run.

    Raises:
        FgmixError: If the config, the data, the weights or the run's folder won't do. Up to the
            first training step nothing is written but the data set and its prepared photos.
    """
    config = config.resolve()
    with distribute(config) as distribution, ExitStack() as held:
        if not distribution.leads:
            logging.getLogger("fgmix").setLevel(logging.WARNING)
        distribution.together(lambda: _claim(config, distribution, held))
        precision = choose_precision(config.precision)
        dataset, resized = photos_of_run(config, precision, distribution)
        held.enter_context(faults_explained(config, dataset))
        held.enter_context(interrupts_raised())
        with distribution.scope():
            model = build_model(config, len(dataset.class_names), precision)
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
            fit_stages(model, config, dataset, directory, resized, distribution)
            split = config.measured_split
            log.info("evaluating on %d %s photos", len(dataset.splits[split]), split)
            found = evaluate(
                model, dataset, split, batch_size=config.batch_size, distribution=distribution
            )
            failpoint("evaluated")
        if distribution.leads:
            _finish(model, config, dataset, before, found, distribution)
        return TrainResult(directory, found.metrics)


def _claim(config: TrainConfig, distribution: Distribution, held: ExitStack) -> None:
    """Makes sure that nobody else trains this run, and that it may be written to."""
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
    distribution: Distribution,
) -> None:
    """Writes what makes a trained run a finished one.

    Args:
        model: The classifier.
        config: The run's resolved config.
        dataset: The photos it was trained on and is measured on.
        before: Their identities by path, before training began.
        found: How good it is.
        distribution: Where it was trained.
    """
    directory = Path(config.run_dir)
    if not math.isfinite(found.metrics["loss"]):
        raise FgmixError(
            f"training diverged in its last epoch: {directory} gives answers that are no numbers; "
            f"lower --backbone-lr and --head-lr"
        )
    with replacing(directory / MODEL) as beside:
        model.save(beside)
    found.write_predictions(directory / PREDICTIONS)
    if config.measured_split == "fold":
        found.write_probabilities(directory / PROBABILITIES)
    if not (directory / FIRST).exists():
        if distribution.divided or keras.backend.backend() != "tensorflow":
            export_apart(directory, found.metrics)
        else:
            export_first(Run.open(directory, finished=False), model, found.metrics)
    # A result on photos that came in between would belong to no data set.
    refuse_changed(dataset, before)
    # Last, because it is what tells a finished run from an unfinished one.
    write_json(directory / METRICS, found.metrics)
    remove_checkpoints(directory)
    shutil.rmtree(directory / FINETUNING, ignore_errors=True)


def evaluate_run(
    run: Run, dataset: str | None = None, data_dir: str | None = None, split: str = "test"
) -> tuple[Evaluation, ImageDataset, keras.Model]:
    """Evaluates a finished run again, on its own photos or on others.

    Args:
        run: The run.
        dataset: Another data set, by name or folder, whose classes are aligned by name; the run's
            own by default.
        data_dir: Where the data set lies, if not where the run found it.
        split: A split's name, or `"all"`: all splits together.

    Returns:
        The evaluation, the data set that was evaluated, and the model.

    Raises:
        FgmixError: If the data set is missing, has changed since training, has no such split or
            classes that the model doesn't know, or a photo can't be read.
    """
    photos = load_photos(run, dataset, data_dir)
    if split == "all":
        photos = replace(photos, splits={"all": concatenate(list(photos.splits.values()))})
    if split not in photos.splits:
        raise FgmixError(f"{photos.name} has no split {split!r}: it has {', '.join(photos.splits)}")
    refuse_unreadable(photos.files(split))
    model = run.load_model()
    return evaluate(model, photos, split), photos, model


def load_photos(run: Run, dataset: str | None = None, data_dir: str | None = None) -> ImageDataset:
    """Loads the photos of a finished run, split as they were, or others, in its class order.

    Args:
        run: The run.
        dataset: Another data set, by name or folder; the run's own by default.
        data_dir: Where the data set lies, if not where the run found it.

    Raises:
        FgmixError: If the data set is missing, has changed since training, or has classes that
            the model doesn't know.
    """
    config = run.config
    if dataset:
        # Nothing is trained on another data set, so nothing of it need be held out.
        config = TrainConfig(
            dataset=dataset, data_dir=data_dir, split_seed=config.split_seed, val_fraction=0.0
        )
    elif data_dir:
        config = replace(config, data_dir=data_dir)
    photos = load_splits(config)
    if not dataset:
        # What was left out is known by name, so a photo mended since does not come back.
        photos = photos.without(run.data.get("skipped", []))
    if not dataset and not photos.matches(run.data["fingerprint"]):
        raise FgmixError(
            f"the photos in {photos.root} have changed since {run.directory} was trained, so its "
            f"split is not what it was: bring the old ones, or give the new ones as --dataset "
            f"(with photos that were trained on among them, the result means nothing)"
        )
    return replace(align_classes(photos, run.class_names), crop_bottom=run.crop_bottom)
