"""Loads the images of a run, from where they are now, or other images to measure it on.

Nothing here needs TensorFlow, so wrong names and missing images are told before it is imported.
"""

import logging
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from fgmix.config.train_config import TrainConfig
from fgmix.data.dataset import CONTENT, ImageDataset, Split, concatenate
from fgmix.data.protocols import (
    hold_out_fold,
    hold_out_validation,
    keep_fraction,
    keep_shots,
)
from fgmix.data.sources.locations import tfds_folder
from fgmix.data.sources.names import differing, looks_like
from fgmix.data.sources.registry import (
    SOURCES,
    is_local,
    is_manifest,
    load_dataset,
    load_split,
    local_root,
    require_known,
)
from fgmix.errors import FgmixError
from fgmix.invocation import command
from fgmix.runs.run import Run

log = logging.getLogger(__name__)


def load_splits(config: TrainConfig, skipped: Collection[str] = ()) -> ImageDataset:
    """Loads the data set of a resolved config with its splits, folds and shots.

    Args:
        config: A resolved config.
        skipped: Images to leave out before anything is held out, relative to the root.

    Raises:
        FgmixError: If the data set is missing or a class is too small.
    """
    seed = config.split_seed
    dataset = load_dataset(config.dataset, config.data_dir, seed, skipped, config.columns)
    if config.folds is not None and config.fold is not None:
        dataset = hold_out_fold(dataset, config.folds, config.fold, seed)
    if config.val_fraction:
        dataset = hold_out_validation(dataset, config.val_fraction, seed, config.val_photos)
    if config.shots is not None:
        dataset = keep_shots(dataset, config.shots, seed)
    elif config.train_fraction < 1:
        dataset = keep_fraction(dataset, config.train_fraction, seed)
    counts = ", ".join(f"{len(split)} {name}" for name, split in dataset.splits.items())
    log.info("%s: %d classes, photos: %s", dataset.name, len(dataset.class_names), counts)
    return dataset


def load_splits_of_run(config: TrainConfig, data: Mapping[str, Any]) -> ImageDataset:
    """Loads the data set of a run with the splits that the run was started with.

    Images that the run skipped are left out, even if they have been repaired since.

    Args:
        config: The resolved config of the run.
        data: The `data` part of the run's record.

    Raises:
        FgmixError: If the data set is missing or a class is too small.
    """
    named = config.dataset not in SOURCES and not Path(config.dataset).is_absolute()
    if named and not config.data_dir and not is_manifest(config.dataset):
        # The run was of a data set of TFDS, even if a folder here has the same name.
        config = replace(config, data_dir=str(tfds_folder()))
    skipped = data.get("skipped", [])
    dataset = load_splits(config, skipped)
    if skipped and not str(data["fingerprint"]).startswith(CONTENT):
        # Version 0.1 drew the splits first and skipped unreadable images then.
        earlier = load_splits(config).without(skipped)
        if earlier.matches(data["fingerprint"]):
            return earlier
    return dataset


def load_images(
    run: Run,
    dataset: str | None = None,
    data_dir: str | None = None,
    columns: str | None = None,
) -> ImageDataset:
    """Loads the images of a finished run, in its splits and class order.

    Args:
        run: The run.
        dataset: Where its images are now, by name, folder or table; as recorded by default.
        data_dir: The folder of the data set, if it has moved.
        columns: The names of the table's columns; as recorded by default.

    Raises:
        FgmixError: If the data set is missing or has changed since training.
    """
    config = run.config_at(dataset, data_dir, columns)
    if is_manifest(config.dataset):
        if not Path(config.dataset).expanduser().is_file():
            raise FgmixError(
                f"the table of {run.directory} is no longer {config.dataset}: give it as --dataset"
            )
    elif Path(config.dataset).is_absolute() and not Path(config.dataset).is_dir():
        raise FgmixError(
            f"the photos of {run.directory} are no longer in {config.dataset}: give the folder "
            f"where they are now as --dataset"
        )
    images = load_splits_of_run(config, run.data)
    if not images.matches(run.data["fingerprint"]):
        table = f", or what {config.dataset} says of them," * is_manifest(config.dataset)
        raise FgmixError(
            f"the photos in {images.root}{table} have changed since {run.directory} was trained, "
            f"so its split is not the same: restore the old ones, or give their folder as "
            f"--dataset; {command('evaluate')} also measures the run on other photos (if training "
            f"photos are among them, the result means nothing)"
        )
    return replace(align_classes(images, run.class_names), crop_bottom=run.crop_bottom)


def load_measured(
    run: Run,
    dataset: str | None = None,
    data_dir: str | None = None,
    split: str | None = None,
    columns: str | None = None,
) -> tuple[ImageDataset, str]:
    """Loads the images to measure a run on, its own or others.

    Args:
        run: The run.
        dataset: Another data set, by name, folder or table, whose classes are aligned by name, or
            where the run's own is now; the run's own by default.
        data_dir: The folder of the data set, if it has moved.
        split: A split's name, or `"all"` for all splits together; by default the split that the run
            was measured on, and `"test"` of another data set.
        columns: The names of the table's columns; those of the run by default.

    Returns:
        The data set, and the name of the split. Of another data set, the other splits may be
        missing.

    Raises:
        FgmixError: If the data set is missing, has changed since training, lacks the split or has
            classes that the model doesn't know.
    """
    columns = columns or run.config.columns
    images = _load_own(run, dataset, data_dir, split, columns)
    if images is None:
        # Another data set is only measured, so no validation images are held out.
        seed = run.config.split_seed
        images = load_split(str(dataset), split or "test", data_dir, seed, columns)
        images = replace(align_classes(images, run.class_names), crop_bottom=run.crop_bottom)
        split = split or "test"
    split = split or run.config.measured_split
    if split == "all" and split not in images.splits:
        images = replace(images, splits={"all": concatenate(list(images.splits.values()))})
    if split not in images.splits:
        raise FgmixError(f"{images.name} has no split {split!r}: it has {', '.join(images.splits)}")
    return images, split


def _load_own(
    run: Run, dataset: str | None, data_dir: str | None, split: str | None, columns: str | None
) -> ImageDataset | None:
    """Returns the images of a run with its splits; None if other images are to be measured."""
    if dataset is None:
        return load_images(run, data_dir=data_dir, columns=columns)
    require_known(dataset, data_dir)
    # Of all images, none is left out, as shots leave some.
    if split != "all" and _may_hold_images(run, dataset, data_dir, columns):
        with suppress(FgmixError):  # they have changed
            return load_images(run, dataset, data_dir, columns)
    return None


def _may_hold_images(run: Run, dataset: str, data_dir: str | None, columns: str | None) -> bool:
    """Returns whether a data set may be that of a run; quickly, to load another only once."""
    if not is_local(dataset, data_dir):
        return dataset == run.config.dataset
    root = local_root(dataset, data_dir, columns)
    return all((root / row["path"]).is_file() for row in run.splits)


def align_classes(dataset: ImageDataset, class_names: tuple[str, ...]) -> ImageDataset:
    """Returns a data set whose classes are numbered as the model's outputs.

    Args:
        dataset: A data set, the model's own or another one.
        class_names: The model's classes, in output order.

    Raises:
        FgmixError: If the data set has a class that the model doesn't know.
    """
    if dataset.class_names == class_names:
        return dataset
    unknown = [name for name in dataset.class_names if name not in class_names]
    if unknown:
        shown = ", ".join(repr(name) for name in unknown[:5]) + (", ..." if unknown[5:] else "")
        alike = [(other, name) for name in unknown if (other := looks_like(name, class_names))]
        hint = f"; rename one of {differing(*alike[0])}" if alike else ": leave them out"
        raise FgmixError(
            f"{len(unknown)} of the {len(dataset.class_names)} classes of {dataset.name} are "
            f"not among the model's {len(class_names)}: {shown}{hint}"
        )
    index = np.array([class_names.index(name) for name in dataset.class_names], np.int32)
    splits = {k: Split(v.paths, index[v.labels]) for k, v in dataset.splits.items()}
    return replace(dataset, class_names=class_names, splits=splits)
