"""One experiment, from config to served model and back: what `train.py` and `evaluate.py` run."""

import logging
import math
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras

from fgmix.data.copies import Copy
from fgmix.data.dataset import ImageDataset, concatenate
from fgmix.data.prepared import prepare
from fgmix.data.protocols import (
    hold_out_fold,
    hold_out_validation,
    keep_fraction,
    keep_shots,
)
from fgmix.data.readable import refuse_unreadable, unreadable_files
from fgmix.data.sources import load_dataset
from fgmix.errors import FgmixError
from fgmix.evaluation.evaluate import Evaluation, align_classes, evaluate
from fgmix.files import alone, replacing, write_json
from fgmix.milestones import milestone
from fgmix.serving.export import export_saved_model
from fgmix.serving.model_card import write_card
from fgmix.serving.signatures import Classifier
from fgmix.training import run_folder
from fgmix.training.checkpoint import remove_checkpoints
from fgmix.training.config import TrainConfig
from fgmix.training.drift import refuse_changed_photos, refuse_changed_settings
from fgmix.training.faults import faults_explained
from fgmix.training.feed import refuse_changed
from fgmix.training.precision import choose_precision
from fgmix.training.run_folder import Run
from fgmix.training.stages import FINETUNING, finetuning, fit_stages
from fgmix.training.stopping import stopping_at_once
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
    busy = (
        f"{config.run_dir} is being trained by another process: wait for it, or choose another "
        f"--run-dir"
    )
    with alone(Path(config.run_dir), busy):
        run_folder.refuse_existing(config)
        precision = choose_precision(config.precision)
        if config.resume:
            refuse_changed_settings(config, precision)
        dataset = load_splits(config)
        if config.resume:
            dataset = refuse_changed_photos(config, dataset)
        copies = _prepare(config, dataset)
        # Before training: a bad test photo would otherwise be found when hours have gone into it.
        dataset = _only_readable(config, dataset, copies)
        with faults_explained(config, dataset), stopping_at_once():
            model = build_model(config, len(dataset.class_names), precision)
            directory = run_folder.prepare_run(config, dataset, precision, len(copies))
            log.info("run folder: %s", directory)
            sizes = dataset.sizes()
            fit_stages(model, config, dataset, directory, copies)
            return _finish(model, config, dataset, sizes, directory)


def _finish(
    model: keras.Model,
    config: TrainConfig,
    dataset: ImageDataset,
    sizes: Mapping[str, int],
    directory: Path,
) -> TrainResult:
    """Evaluates a trained model and writes what makes its run a finished one.

    Args:
        model: The classifier.
        config: The run's resolved config.
        dataset: The photos it was trained on and is measured on.
        sizes: Of their files, in bytes by path, before training began.
        directory: The run's folder.
    """
    measured = config.measured_split
    log.info("evaluating on %d %s photos", len(dataset.splits[measured]), measured)
    found = evaluate(model, dataset, measured, batch_size=config.batch_size)
    milestone("evaluated")
    if not math.isfinite(found.metrics["loss"]):
        raise FgmixError(
            f"training diverged in its last epoch: {directory} gives answers that are no numbers; "
            f"lower --backbone-lr and --head-lr"
        )
    with replacing(directory / run_folder.MODEL) as beside:
        model.save(beside)
    found.write_predictions(directory / run_folder.PREDICTIONS)
    if measured == "fold":
        found.write_probabilities(directory / run_folder.PROBABILITIES)
    if not (directory / "1").exists():
        classifier = Classifier(model, dataset.class_names, dataset.crop_bottom)
        run = Run.open(directory, finished=False)
        export_saved_model(classifier, directory / "1", write_card(run, found.metrics, "1"))
    # A result on photos that came in between would belong to no data set.
    refuse_changed(dataset, sizes)
    # Last, because it is what tells a finished run from an unfinished one.
    write_json(directory / run_folder.METRICS, found.metrics)
    remove_checkpoints(directory)
    shutil.rmtree(directory / FINETUNING, ignore_errors=True)
    return TrainResult(directory, found.metrics)


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
    if not dataset and photos.fingerprint() != run.data["fingerprint"]:
        raise FgmixError(
            f"the photos in {photos.root} have changed since {run.directory} was trained, so its "
            f"split is not what it was: bring the old ones, or give the new ones as --dataset "
            f"(with photos that were trained on among them, the result means nothing)"
        )
    return replace(align_classes(photos, run.class_names), crop_bottom=run.crop_bottom)


def load_splits(config: TrainConfig) -> ImageDataset:
    """Loads the data set of a resolved config, holds out what it says and limits the rest.

    Raises:
        FgmixError: If the data set is not there or a class is too small.
    """
    seed = config.split_seed
    dataset = load_dataset(config.dataset, config.data_dir, seed)
    if config.folds is not None and config.fold is not None:
        dataset = hold_out_fold(dataset, config.folds, config.fold, seed)
    if config.val_fraction:
        dataset = hold_out_validation(dataset, config.val_fraction, seed)
    if config.shots is not None:
        dataset = keep_shots(dataset, config.shots, seed)
    elif config.train_fraction < 1:
        dataset = keep_fraction(dataset, config.train_fraction, seed)
    counts = ", ".join(f"{len(split)} {name}" for name, split in dataset.splits.items())
    log.info("%s: %d classes, photos: %s", dataset.name, len(dataset.class_names), counts)
    return dataset


def _prepare(config: TrainConfig, dataset: ImageDataset) -> dict[str, Copy]:
    """Copies of the training photos, by path, as far as the config wants them."""
    if config.views and config.finetune_epochs:
        config = finetuning(config)  # features are computed from the photos
    if config.prepare != "auto" or config.views:
        return {}
    augmentation = config.recipe_settings.augmentation
    return prepare(dataset, image_size=config.image_size, augmentation=augmentation)


def _only_readable(
    config: TrainConfig, dataset: ImageDataset, copies: Collection[str] = ()
) -> ImageDataset:
    """Reads every photo and leaves out those that can't be read, or refuses the data set.

    The splits are drawn before, with the bad files among them: a photo that can't be read moves
    no other from one split to another. What has been copied has been read. A run that is resumed
    keeps to the photos that it was begun with.
    """
    paths = [p for split in dataset.splits.values() for p in split.paths if p not in copies]
    files = [str(dataset.root / path) for path in paths]
    if config.resume:
        refuse_unreadable(files, "the run was begun with it: bring it back")
        return dataset
    if not config.skip_bad_images:
        refuse_unreadable(files, "remove or replace it, or go on without (--skip-bad-images)")
        return dataset
    log.info("reading all %d photos, to leave out the bad ones", len(files))
    bad = unreadable_files(files)
    for file, reason in bad.items():
        log.info("  %s: %s", file, reason)
    log.info("skipped %d photo(s) that can't be read", len(bad))
    return dataset.without([p for p, file in zip(paths, files, strict=True) if file in bad])
