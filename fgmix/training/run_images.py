"""The photos of a run: split, limited, prepared, all readable, and the same in every process."""

import logging
from collections.abc import Collection, Mapping
from typing import Any

from fgmix.config.fields import option
from fgmix.config.identity import result_settings
from fgmix.config.train_config import TrainConfig
from fgmix.data.codec.diagnose import refuse_unreadable, unreadable_files
from fgmix.data.dataset import ImageDataset
from fgmix.data.protocols import (
    hold_out_fold,
    hold_out_validation,
    keep_fraction,
    keep_shots,
)
from fgmix.data.resized_cache.build import build_resized_cache
from fgmix.data.resized_cache.store import ResizedImage
from fgmix.data.sources.registry import load_dataset
from fgmix.errors import FgmixError
from fgmix.runs.folder import library_versions
from fgmix.runs.resume import data_before, refuse_changed_images, refuse_changed_settings
from fgmix.training.distributed.distribution import Distribution
from fgmix.training.stages import finetuning

log = logging.getLogger(__name__)


def images_of_run(
    config: TrainConfig, precision: str, distribution: Distribution
) -> tuple[ImageDataset, dict[str, ResizedImage]]:
    """Provides what a run is trained and measured on.

    Args:
        config: A resolved config.
        precision: What `--precision` came to on this machine.
        distribution: The processes; all call this, and what one of them refuses, all refuse.

    Returns:
        The photos, and the resized training images by path.

    Raises:
        FgmixError: If photos are missing, too few, unreadable or not what the run was begun with,
            or not the same in all processes.
    """
    if config.resume:
        distribution.together(
            lambda: refuse_changed_settings(config, precision) if distribution.leads else None
        )
    if config.resume:
        dataset = _as_begun(config, distribution)
    else:
        skipped = _find_unreadable(config, distribution) if config.skip_bad_images else []
        dataset = distribution.together(lambda: load_splits(config, skipped))
    resized = distribution.together(lambda: _prepare(config, dataset))
    if config.resume or not config.skip_bad_images:
        # Before training: a bad test photo would otherwise be found when hours have gone into it.
        _refuse_unreadable(config, dataset, resized, distribution)
    refuse_differences(config, precision, dataset, distribution)
    return dataset, resized


def load_splits(config: TrainConfig, skipped: Collection[str] = ()) -> ImageDataset:
    """Loads the data set of a resolved config, holds out what it says and limits the rest.

    Args:
        config: A resolved config.
        skipped: Images to leave out before anything is held out, relative to the root.

    Raises:
        FgmixError: If the data set is not there or a class is too small.
    """
    seed = config.split_seed
    dataset = load_dataset(config.dataset, config.data_dir, seed, skipped)
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


def load_splits_of_run(config: TrainConfig, data: Mapping[str, Any]) -> ImageDataset:
    """Loads the data set of a run, divided as when the run was begun.

    What the run skipped is left out, even if it has been mended since.

    Args:
        config: The resolved config of the run.
        data: The `data` part of the run's record.

    Raises:
        FgmixError: As in `load_splits`.
    """
    skipped = data.get("skipped", [])
    dataset = load_splits(config, skipped)
    if skipped and dataset.fingerprint() != data["fingerprint"]:
        # Version 0.1 divided the data set first and skipped unreadable images then.
        earlier = load_splits(config).without(skipped)
        if earlier.fingerprint() == data["fingerprint"]:
            return earlier
    return dataset


def _as_begun(config: TrainConfig, distribution: Distribution) -> ImageDataset:
    """Loads the photos that a run was begun with; its record lies with the leader."""
    leads = distribution.leads
    begun = distribution.together(lambda: data_before(config) if leads else {})
    data = distribution.tell(begun)[0]
    dataset = distribution.together(lambda: load_splits_of_run(config, data))

    def compare() -> None:
        if leads:
            refuse_changed_images(config, dataset)

    distribution.together(compare)
    return dataset


def _prepare(config: TrainConfig, dataset: ImageDataset) -> dict[str, ResizedImage]:
    """Copies of the training photos, by path, as far as the config wants them."""
    if config.views and config.finetune_epochs:
        config = finetuning(config)  # features are computed from the photos
    if config.prepare != "auto" or config.views:
        return {}
    return build_resized_cache(
        dataset, image_size=config.image_size, augmentation=config.augmentation
    )


def _find_unreadable(config: TrainConfig, distribution: Distribution) -> list[str]:
    """Reads every photo of the data set and returns those that can't be read.

    It comes before any photo is held out, so that every split is drawn from readable photos. Every
    process reads a part of the photos.
    """
    dataset = distribution.together(
        lambda: load_dataset(config.dataset, config.data_dir, config.split_seed)
    )
    paths = sorted({path for split in dataset.splits.values() for path in split.paths})
    log.info("reading all %d photos, to leave out the bad ones", len(paths))
    paths = paths[distribution.process :: distribution.processes]
    files = [str(dataset.root / path) for path in paths]
    bad = unreadable_files(files)
    for file, reason in bad.items():
        log.info("  %s: %s", file, reason)
    found = distribution.tell([p for p, file in zip(paths, files, strict=True) if file in bad])
    skipped = sorted(path for part in found for path in part)
    log.info("skipped %d photo(s) that can't be read", len(skipped))
    return skipped


def _refuse_unreadable(
    config: TrainConfig, dataset: ImageDataset, resized: Collection[str], distribution: Distribution
) -> None:
    """Refuses a data set with photos that can't be read. What has been resized has been read."""
    paths = [p for split in dataset.splits.values() for p in split.paths if p not in resized]
    paths = paths[distribution.process :: distribution.processes]
    remedy = "remove or replace it, or go on without (--skip-bad-images)"
    if config.resume:
        remedy = "the run was begun with it: bring it back"
    files = [str(dataset.root / path) for path in paths]
    distribution.together(lambda: refuse_unreadable(files, remedy))


def refuse_differences(
    config: TrainConfig, precision: str, dataset: ImageDataset, distribution: Distribution
) -> None:
    """Makes sure that all processes are about to train the same.

    Args:
        config: A resolved config.
        precision: What `--precision` came to on this machine.
        dataset: The photos.
        distribution: The processes.

    Raises:
        FgmixError: If settings, photos or library versions are not those of process 0.
    """
    if distribution.processes == 1:
        return
    # Hosts may keep the same weights in other folders; the photos are told by their fingerprint.
    settings = {k: v for k, v in result_settings(config).items() if k != "weights"}
    ours = {
        **{option(name): value for name, value in settings.items()},
        "--devices": distribution.devices // distribution.processes,
        "the precision": precision,
        "the photos": f"{dataset.name}, {dataset.fingerprint()}",
        **{f"the version of {name}": v for name, v in library_versions().items()},
    }
    told = distribution.tell(ours)
    different = [
        f"{name} of process {process} is {said.get(name)}, of process 0 {told[0].get(name)}"
        for process, said in enumerate(told)
        for name in told[0].keys() | said.keys()
        if said.get(name) != told[0].get(name)
    ]
    if different:
        more = f" (and {len(different) - 3} more)" if different[3:] else ""
        raise FgmixError(
            f"the processes of this run differ: {'; '.join(sorted(different)[:3])}{more}: start "
            f"all of them with the same settings and photos"
        )
