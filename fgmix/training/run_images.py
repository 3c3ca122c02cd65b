"""Provides the images of a run: splits, resized cache, and checks that all can be read."""

import logging
from collections.abc import Collection

from fgmix.config.fields import option
from fgmix.config.identity import result_settings
from fgmix.config.train_config import TrainConfig
from fgmix.data.codec.diagnose import refuse_unreadable, unreadable_files
from fgmix.data.dataset import ImageDataset
from fgmix.data.resized_cache.build import build_resized_cache
from fgmix.data.resized_cache.store import ResizedImage
from fgmix.data.sources.registry import load_dataset
from fgmix.errors import FgmixError
from fgmix.runs.folder import library_versions
from fgmix.runs.images import load_splits, load_splits_of_run
from fgmix.runs.resume import data_before, refuse_changed_images, refuse_changed_settings
from fgmix.training.distributed.distribution import Distribution
from fgmix.training.stages import finetuning

log = logging.getLogger(__name__)


def images_of_run(
    config: TrainConfig, precision: str, distribution: Distribution
) -> tuple[ImageDataset, dict[str, ResizedImage]]:
    """Returns the images that a run is trained and measured on.

    Args:
        config: A resolved config.
        precision: The precision in use: what `--precision auto` means on this machine.
        distribution: The processes, all of which must call this. An error in one is raised in all.

    Returns:
        The data set with its splits, and the resized training images by path.

    Raises:
        FgmixError: If images are missing, too few, unreadable, different from those at the start
            of a resumed run, or different between processes.
    """
    if config.resume:
        distribution.together(
            lambda: refuse_changed_settings(config, precision) if distribution.leads else None
        )
        dataset = _as_begun(config, distribution)
    else:
        skipped = find_unreadable(config, distribution) if config.skip_bad_images else []
        dataset = distribution.together(lambda: load_splits(config, skipped))
        if config.val_fraction and "val" not in dataset.splits:
            log.info(
                "%d photos are too few to hold some out for validation: all are trained on",
                len(dataset.splits["train"]),
            )
    resized = distribution.together(lambda: _prepare(config, dataset))
    if config.resume or not config.skip_bad_images:
        # Before training, so that an unreadable test image is not found hours later.
        _refuse_unreadable(config, dataset, resized, distribution)
    refuse_differences(config, precision, dataset, distribution)
    return dataset, resized


def _as_begun(config: TrainConfig, distribution: Distribution) -> ImageDataset:
    """Returns the images that a run was started with; only the leader has the run's record."""
    leads = distribution.leads
    recorded = distribution.together(lambda: data_before(config) if leads else {})
    data = distribution.gather(recorded)[0]
    dataset = distribution.together(lambda: load_splits_of_run(config, data))

    def compare() -> None:
        if leads:
            refuse_changed_images(config, dataset)

    distribution.together(compare)
    return dataset


def _prepare(config: TrainConfig, dataset: ImageDataset) -> dict[str, ResizedImage]:
    """Returns the resized training images by path, none if the config does not use them."""
    photos = len(dataset.splits["train"])
    config = config.for_photos(photos)
    if config.views and config.finetune_epochs:
        config = finetuning(config, photos)  # features are computed from the images themselves
    if config.prepare != "auto" or config.views:
        return {}
    return build_resized_cache(
        dataset, image_size=config.image_size, augmentation=config.augmentation
    )


def find_unreadable(config: TrainConfig, distribution: Distribution) -> list[str]:
    """Reads every image of the data set and returns those that can't be read.

    Splits, folds and shots are drawn afterwards, from readable images. Every process reads a part
    of the images.
    """
    dataset = distribution.together(
        lambda: load_dataset(
            config.dataset,
            config.data_dir,
            config.split_seed,
            columns=config.columns,
            missing_ok=True,
        )
    )
    everything = sorted({path for split in dataset.splits.values() for path in split.paths})
    log.info("reading all %d photos, to skip those that can't be read", len(everything))
    paths = everything[distribution.process :: distribution.processes]
    files = [str(dataset.root / path) for path in paths]
    bad = unreadable_files(files)
    for file, reason in bad.items():
        log.info("  %s: %s", file, reason)
    found = distribution.gather([p for p, file in zip(paths, files, strict=True) if file in bad])
    skipped = sorted(path for part in found for path in part)
    log.info("skipped %d photo(s) that can't be read", len(skipped))
    return skipped


def _refuse_unreadable(
    config: TrainConfig, dataset: ImageDataset, resized: Collection[str], distribution: Distribution
) -> None:
    """Refuses unreadable images. Resized images have been read. Every process reads a part."""
    paths = [p for split in dataset.splits.values() for p in split.paths if p not in resized]
    files = [str(dataset.root / p) for p in paths[distribution.process :: distribution.processes]]
    remedy = "remove or replace it, or train without it (--skip-bad-images)"
    if config.resume:
        remedy = "the run was started with it: restore it"
    distribution.together(lambda: refuse_unreadable(files, remedy))


def refuse_differences(
    config: TrainConfig, precision: str, dataset: ImageDataset, distribution: Distribution
) -> None:
    """Checks that all processes train the same run.

    Args:
        config: A resolved config.
        precision: The precision in use: what `--precision auto` means on this machine.
        dataset: The data set.
        distribution: The processes.

    Raises:
        FgmixError: If settings, images or library versions differ from those of process 0.
    """
    if distribution.processes == 1:
        return
    # Folders may differ between hosts: weights are not compared, images by their fingerprint.
    settings = {k: v for k, v in result_settings(config).items() if k != "weights"}
    ours = {
        **{option(name): value for name, value in settings.items()},
        "--devices": distribution.devices // distribution.processes,
        "the precision": precision,
        "the photos": f"{dataset.name}, {dataset.fingerprint()}",
        **{f"the version of {name}": v for name, v in library_versions().items()},
    }
    of_all = distribution.gather(ours)
    leader = of_all[0]
    different = [
        f"{name} of process {process} is {theirs.get(name)}, of process 0 {leader.get(name)}"
        for process, theirs in enumerate(of_all)
        for name in leader.keys() | theirs.keys()
        if theirs.get(name) != leader.get(name)
    ]
    if different:
        more = f" (and {len(different) - 3} more)" if different[3:] else ""
        raise FgmixError(
            f"the processes of this run differ: {'; '.join(sorted(different)[:3])}{more}: start "
            f"all of them with the same settings and photos"
        )
