"""The inputs of a run: training batches, and the splits that are measured after every epoch."""

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
    """A split that is measured after every epoch.

    Attributes:
        batches: Inputs and labels, in order. Images that fill up the last batch come last.
        labels: One-hot, float32 `(n, K)`, without those that fill up the last batch.
    """

    batches: tf.data.Dataset
    labels: np.ndarray


@dataclass(frozen=True)
class Inputs:
    """The batches of a run: images, or their features.

    Attributes:
        batch_size: Examples per training step, of all processes together; with `--accumulate`, per
            part of a step.
        steps_per_epoch: Training steps per epoch.
        training: Takes a step, counted from the start of the run, and returns the batches from this
            step to the end of its progressive-resizing phase, as pairs of inputs and one-hot
            labels. A batch must not depend on the step that the batches start from. Of several
            processes, each gets its shard.
        measured: By name, the splits that are measured after every epoch.
        names: Takes a step, counted from the start of the run, and returns the paths of its images,
            for messages.
        check: Raises FgmixError if the images have changed.
        backbone: A digest of the weights that features were computed with, which are in no
            checkpoint; `""` for images.
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
    """Returns the inputs of a run that trains on images.

    Args:
        config: A resolved config.
        dataset: The data set: `"train"` is trained on; `"val"`, if present, is measured after every
            epoch, and `"test"` if the config monitors it.
        resized: Resized training images, by path; other images are read from their own files.
        distribution: The devices and processes that batches are divided among.

    Raises:
        FgmixError: If batches can't be divided among the devices, or the images are to be cached in
            memory and it is too small.
    """
    batch_size = size_of_batches(config, dataset, distribution)
    photos = dataset.identities()

    decoded = TrainingImages(dataset, resized).decode() if config.cache == "memory" else None
    steps = steps_per_epoch(len(dataset.splits["train"]), batch_size)

    def training(first_step: int) -> tf.data.Dataset:
        phase = phase_at(config, first_step // steps)
        return training_batches(
            dataset,
            image_size=phase.image_size,
            batch_size=batch_size,
            augmentation=config.augmentation,
            seed=config.seed,
            epochs=phase.last,
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
            split: measured_images(config, dataset, split, distribution)
            for split in measured_splits(config, dataset)
        },
        names=names,
        check=check,
    )


def size_of_batches(
    config: TrainConfig, dataset: ImageDataset, distribution: Distribution = ONE_DEVICE
) -> int:
    """Returns the number of examples per training step, at most the number of training images.

    Raises:
        FgmixError: If they can't be divided among the devices.
    """
    count = len(dataset.splits["train"])
    batch_size = min(config.batch_size // config.accumulate, count)
    if batch_size % distribution.devices:
        raise FgmixError(
            f"a batch of {batch_size} of the {count} training photos can't be divided among "
            f"{distribution.devices} devices: give --devices 1"
        )
    return batch_size


def measured_images(
    config: TrainConfig, dataset: ImageDataset, split: str, distribution: Distribution = ONE_DEVICE
) -> Measured:
    """Returns the images of a split, to be measured after every epoch."""
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
    """Returns the one-hot labels of a split, float32 `(n, K)`."""
    return np.eye(len(dataset.class_names), dtype=np.float32)[dataset.splits[split].labels]


def refuse_changed(dataset: ImageDataset, before: Mapping[str, Identity | None]) -> None:
    """Checks that the images have the contents that they had before.

    Args:
        dataset: The data set.
        before: The identities of their files before, by path.

    Raises:
        FgmixError: If a file is missing or has other content.
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
            f"photos in {dataset.root} have changed since training began: "
            f"{', '.join(changed[:3])}{more}; restore them and add --resume, or start over with "
            f"--overwrite"
        )


def measured_splits(config: TrainConfig, dataset: ImageDataset) -> list[str]:
    """Returns the splits that are measured after every epoch."""
    wanted = {"val": True, "test": config.monitor_test}
    return [split for split in wanted if wanted[split] and split in dataset.splits]
