"""What a model is trained on, step by step, and measured on, epoch by epoch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import tensorflow as tf

from fgmix.data.copies import Copy
from fgmix.data.dataset import ImageDataset
from fgmix.data.pipeline import evaluation_batches, steps_per_epoch, training_batches
from fgmix.training.config import TrainConfig


@dataclass(frozen=True)
class Feed:
    """The batches of a run; whatever a model takes, photos or their features.

    Attributes:
        batch_size: Examples a training step.
        steps_per_epoch: Training steps an epoch.
        training: From a step, counted from the start of the run, to the batches from it on to
            the end of the run: pairs of inputs and one-hot labels. They must not depend on where
            they begin.
        measured: By split, the batches that are measured after every epoch.
    """

    batch_size: int
    steps_per_epoch: int
    training: Callable[[int], tf.data.Dataset]
    measured: dict[str, tf.data.Dataset]


def feed_photos(
    config: TrainConfig, dataset: ImageDataset, copies: Mapping[str, Copy] | None = None
) -> Feed:
    """Feeds the photos of a data set.

    Args:
        config: A resolved config.
        dataset: Its `"train"` split is trained on; `"val"`, if there, is measured every epoch, and
            `"test"` if the config monitors it.
        copies: Prepared copies of training photos, by path; the others are read themselves.
    """
    batch_size = min(config.batch_size, len(dataset.splits["train"]))

    def training(first_step: int) -> tf.data.Dataset:
        return training_batches(
            dataset,
            image_size=config.image_size,
            batch_size=batch_size,
            augmentation=config.recipe_settings.augmentation,
            seed=config.seed,
            epochs=config.epochs,
            first_step=first_step,
            copies=copies,
        )

    return Feed(
        batch_size=batch_size,
        steps_per_epoch=steps_per_epoch(len(dataset.splits["train"]), batch_size),
        training=training,
        measured={
            split: evaluation_batches(
                dataset, split, image_size=config.image_size, batch_size=config.batch_size
            )
            for split in measured_splits(config, dataset)
        },
    )


def measured_splits(config: TrainConfig, dataset: ImageDataset) -> list[str]:
    """The splits that are measured after every epoch."""
    wanted = {"val": True, "test": config.monitor_test}
    return [split for split in wanted if wanted[split] and split in dataset.splits]
