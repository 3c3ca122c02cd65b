"""Batches for training and evaluation with `tf.data`.

Order and augmentation are functions of `(seed, epoch, image)`. No state is carried from step to
step, so a resumed run gets the same batches as an uninterrupted one.

Mapped functions, here and wherever images are read, branch with `tf.cond` and opt out of AutoGraph,
whose source conversion costs every command several seconds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow as tf

from fgmix.data.augment.registry import AUGMENTATIONS
from fgmix.data.codec.decode import load_image
from fgmix.data.dataset import ImageDataset
from fgmix.data.image_reader import TrainingImages
from fgmix.data.resized_cache.store import ResizedImage
from fgmix.data.shard import WHOLE, Shard, measured_order


def steps_per_epoch(num_images: int, batch_size: int) -> int:
    """Returns the number of full batches in an epoch, at least 1."""
    return max(1, num_images // batch_size)


def shuffled(count: int, seed: int, epoch: tf.Tensor) -> tf.Tensor:
    """Returns the order of the training images in an epoch: int32 `[count]` indices."""
    images = tf.range(count)
    return tf.random.experimental.stateless_shuffle(images, _epoch_key(seed, epoch))


def _epoch_key(seed: int, epoch: tf.Tensor) -> tf.Tensor:
    return tf.stack([tf.constant(seed, tf.int64), epoch])


def batch_paths(dataset: ImageDataset, step: int, *, batch_size: int, seed: int) -> list[str]:
    """Returns the image paths of one batch of `training_batches`, in order.

    Args:
        dataset: The data set to train on.
        step: The batch's step, counted from the start of the run.
        batch_size: Images per batch.
        seed: The run's seed.
    """
    paths = dataset.splits["train"].paths
    batch_size = min(batch_size, len(paths))
    epoch, begun = divmod(step, steps_per_epoch(len(paths), batch_size))
    order = shuffled(len(paths), seed, tf.constant(epoch, tf.int64)).numpy()
    return [paths[i] for i in order[begun * batch_size : (begun + 1) * batch_size]]


def training_batches(
    dataset: ImageDataset,
    *,
    image_size: int,
    batch_size: int,
    augmentation: str,
    seed: int,
    epochs: int,
    first_step: int = 0,
    resized: Mapping[str, ResizedImage] | None = None,
    shard: Shard = WHOLE,
    reduced: bool = False,
    decoded: Sequence[np.ndarray] | None = None,
) -> tf.data.Dataset:
    """Returns the batches of a whole training run.

    Every epoch shuffles the training split anew and drops the images that don't fill a batch, so
    different ones each time. If there are fewer images than `batch_size`, a batch holds all of
    them.

    Args:
        dataset: The data set to train on.
        image_size: Side of the images, in pixels.
        batch_size: Images per batch, over all processes.
        augmentation: A name from `AUGMENTATIONS`.
        seed: Seeds order and augmentation.
        epochs: The epoch to stop before, counted from the start of the run.
        first_step: The step to start at, counted from the start of the run.
        resized: Resized images to read instead of the originals at these paths, from
            `build_resized_cache`. They change neither order nor augmentation.
        shard: The part of every batch to read, where several processes train together.
        reduced: Whether JPEGs are decoded at reduced size where the crop has enough pixels. This
            changes neither order nor augmentation.
        decoded: The images in memory, in order: `TrainingImages.decode` with the same `resized`.

    Returns:
        A dataset of `steps_per_epoch * epochs - first_step` batches of images, float32
        `[B, S, S, 3]`, RGB in [0, 255], and one-hot labels, float32 `[B, K]`. `B` is the shard's
        number of images per batch.
    """
    split = dataset.splits["train"]
    labels = tf.constant(split.labels)
    num_classes = len(dataset.class_names)
    batch_size = min(batch_size, len(split))
    augment = AUGMENTATIONS[augmentation]
    read = TrainingImages(dataset, resized).reader(
        augment, reduce_to=image_size if reduced else None, decoded=decoded
    )

    @tf.autograph.experimental.do_not_convert
    def load(epoch: tf.Tensor, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        index_key = tf.cast(index, tf.int64)
        key = tf.random.experimental.stateless_fold_in(_epoch_key(seed, epoch), index_key)
        image = augment.finish(read(index, key), image_size, key)
        return image, tf.one_hot(labels[index], num_classes)

    return (
        shuffled_indices(
            len(split),
            batch_size=batch_size,
            seed=seed,
            epochs=epochs,
            first_step=first_step,
            shard=shard,
        )
        .map(load, num_parallel_calls=tf.data.AUTOTUNE)
        .batch(shard.size(batch_size), drop_remainder=True)
        .prefetch(tf.data.AUTOTUNE)
    )


def shuffled_indices(
    num_images: int,
    *,
    batch_size: int,
    seed: int,
    epochs: int,
    first_step: int = 0,
    shard: Shard = WHOLE,
) -> tf.data.Dataset:
    """Returns the order of the images over a whole training run.

    Args:
        num_images: The number of training images.
        batch_size: Images per batch, at most `num_images`. Each epoch drops the rest.
        seed: Seeds the order.
        epochs: The epoch to stop before, counted from the start of the run.
        first_step: The step to start at, counted from the start of the run.
        shard: The part of every batch to return, where several processes train together.

    Returns:
        A dataset of pairs of scalars, one per image: epoch, int64, and index, int32.
    """
    steps = steps_per_epoch(num_images, batch_size)
    first_epoch, steps_done = divmod(first_step, steps)

    @tf.autograph.experimental.do_not_convert
    def order(epoch: tf.Tensor) -> tf.data.Dataset:
        first = tf.where(epoch == first_epoch, steps_done * batch_size, 0)
        remaining = shuffled(num_images, seed, epoch)[first : steps * batch_size]
        batches = tf.reshape(remaining, [-1, batch_size])
        remaining = tf.reshape(batches[:, shard.slice(batch_size)], [-1])
        return tf.data.Dataset.from_tensor_slices(remaining).map(lambda i: (epoch, i))

    return tf.data.Dataset.range(first_epoch, epochs).flat_map(order)


def evaluation_batches(
    dataset: ImageDataset,
    split: str,
    *,
    image_size: int | tuple[int, ...],
    batch_size: int,
    shard: Shard = WHOLE,
    filled: bool = False,
) -> tf.data.Dataset:
    """Returns every image of a split in order, resized without augmentation.

    Args:
        dataset: The data set.
        split: The split's name.
        image_size: Side of the images, in pixels; or several, as for `load_image`.
        batch_size: Images per batch, over all processes.
        shard: The part of every batch to read.
        filled: Whether to fill up the last batch by repeating the last image.

    Returns:
        A dataset of batches of images, float32 `[b, S, S, 3]`, RGB in [0, 255], or a tuple of them
        with one for each size, and one-hot labels, float32 `[b, K]`. The last batch may be smaller
        unless it is filled.
    """
    order = measured_order(len(dataset.splits[split]), batch_size, shard, filled)
    chosen = replace(dataset, splits={split: dataset.splits[split].take(order)})
    labels = tf.one_hot(chosen.splits[split].labels, len(dataset.class_names))

    @tf.autograph.experimental.do_not_convert
    def load(file: tf.Tensor, label: tf.Tensor) -> tuple[Any, tf.Tensor]:
        return load_image(tf.io.read_file(file), image_size, dataset.crop_bottom), label

    return (
        tf.data.Dataset.from_tensor_slices((chosen.files(split), labels))
        .map(load, num_parallel_calls=tf.data.AUTOTUNE)
        .batch(shard.size(batch_size))
        .prefetch(tf.data.AUTOTUNE)
    )
