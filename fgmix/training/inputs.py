"""What a model is trained on, step by step, and measured on, epoch by epoch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from fgmix.config.train_config import TrainConfig
from fgmix.data.dataset import ImageDataset
from fgmix.data.identity import Identity
from fgmix.data.image_reader import TrainingImages
from fgmix.data.pipeline import (
    batch_paths,
    evaluation_batches,
    steps_per_epoch,
    training_batches,
)
from fgmix.data.resized_cache.store import ResizedImage
from fgmix.errors import FgmixError
from fgmix.training.distributed.distribution import ONE_DEVICE, Distribution
from fgmix.training.progressive_resizing import phase_at


@dataclass(frozen=True)
class Measured:
    """What is measured after every epoch.

    Attributes:
        batches: Inputs and labels, in order; what fills a last batch is behind the others.
        labels: One-hot, float32 `(n, K)`, without what fills a last batch.
    """

    batches: tf.data.Dataset
    labels: np.ndarray


@dataclass(frozen=True)
class Inputs:
    """The batches of a run; whatever a model takes, photos or their features.

    Attributes:
        batch_size: Examples a training step, of all processes together; with `--accumulate`, a
            part of one.
        steps_per_epoch: Training steps an epoch.
        training: From a step, counted from the start of the run, to the batches from it on to
            the end of the run, or of the part of it in which they have one size: pairs of inputs
            and labels, a row of shares of the classes each. They must not depend on where they
            begin. Where several processes train together, each is fed its share.
        measured: By split, what is measured after every epoch.
        names: From a step, counted from the start of the run, to what its batch is made of, for
            messages.
        check: Raises FgmixError if what is fed is no longer what it was.
        backbone: Of features, a digest of the weights that they come from, which are in no
            checkpoint.
    """

    batch_size: int
    steps_per_epoch: int
    training: Callable[[int], tf.data.Dataset]
    measured: dict[str, Measured]
    names: Callable[[int], list[str]] = lambda step: []
    check: Callable[[], None] = lambda: None
    backbone: str = ""


def image_inputs(
    config: TrainConfig,
    dataset: ImageDataset,
    resized: Mapping[str, ResizedImage] | None = None,
    distribution: Distribution = ONE_DEVICE,
) -> Inputs:
    """Feeds the photos of a data set.

    Args:
        config: A resolved config.
        dataset: Its `"train"` split is trained on; `"val"`, if there, is measured every epoch, and
            `"test"` if the config monitors it.
        resized: Resized training images, by path; the others are read themselves.
        distribution: Among what the batches are divided.

    Raises:
        FgmixError: If they can't be, or the photos are to be held in memory and it is too small.
    """
    batch_size = size_of_batches(config, dataset, distribution)
    photos = dataset.identities()

    decoded = TrainingImages(dataset, resized).decode() if config.cache == "memory" else None
    steps = steps_per_epoch(len(dataset.splits["train"]), batch_size)

    def training(first_step: int) -> tf.data.Dataset:
        part = phase_at(config, first_step // steps)
        return training_batches(
            dataset,
            image_size=part.image_size,
            batch_size=batch_size,
            augmentation=config.augmentation,
            seed=config.seed,
            epochs=part.last,
            first_step=first_step,
            resized=resized,
            shard=distribution.shard,
            reduced=config.prepare == "reduced",
            decoded=decoded,
        )

    def names(step: int) -> list[str]:
        return batch_paths(dataset, step, batch_size=batch_size, seed=config.seed)

    def check() -> None:
        refuse_changed(dataset, photos)

    return Inputs(
        batch_size=batch_size,
        steps_per_epoch=steps,
        training=training,
        measured={
            split: measured_photos(config, dataset, split, distribution)
            for split in measured_splits(config, dataset)
        },
        names=names,
        check=check,
    )


def size_of_batches(
    config: TrainConfig, dataset: ImageDataset, distribution: Distribution = ONE_DEVICE
) -> int:
    """Examples a training step: with few photos, all of them.

    Raises:
        FgmixError: If they can't be divided among the devices.
    """
    count = len(dataset.splits["train"])
    batch_size = min(config.batch_size // config.accumulate, count)
    if batch_size % distribution.devices:
        raise FgmixError(
            f"{count} training photos make a single batch, which can't be divided among "
            f"{distribution.devices} devices: give --devices 1"
        )
    return batch_size


def measured_photos(
    config: TrainConfig, dataset: ImageDataset, split: str, distribution: Distribution = ONE_DEVICE
) -> Measured:
    """The photos of a split, as they are measured after every epoch."""
    batches = evaluation_batches(
        dataset,
        split,
        image_size=config.image_size,
        batch_size=config.batch_size,
        shard=distribution.shard,
        filled=distribution.divided,
    )
    return Measured(batches, one_hot(dataset, split))


def one_hot(dataset: ImageDataset, split: str) -> np.ndarray:
    """The labels of a split, float32 `(n, K)`."""
    return np.eye(len(dataset.class_names), dtype=np.float32)[dataset.splits[split].labels]


def refuse_changed(dataset: ImageDataset, before: Mapping[str, Identity | None]) -> None:
    """Makes sure that the photos have the contents that they had before.

    Raises:
        FgmixError: If one is gone or another.
    """
    now = dataset.identities()
    changed = [
        f"{path} ({'gone' if now[path] is None else 'changed'})"
        for path, identity in before.items()
        if now[path] != identity
    ]
    if changed:
        more = f" and {len(changed) - 3} more" if changed[3:] else ""
        raise FgmixError(
            f"photos in {dataset.root} are no longer what they were when training began: "
            f"{', '.join(changed[:3])}{more}; bring the old ones back and add --resume, or start "
            f"anew with --overwrite"
        )


def measured_splits(config: TrainConfig, dataset: ImageDataset) -> list[str]:
    """The splits that are measured after every epoch."""
    wanted = {"val": True, "test": config.monitor_test}
    return [split for split in wanted if wanted[split] and split in dataset.splits]
