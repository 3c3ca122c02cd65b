"""Batches for training and evaluation with `tf.data`.

Order and augmentation are functions of `(seed, epoch, image)`. No state is carried from step to
step, so the batches after any step are the same whether or not the run was interrupted there.

What is mapped, here and wherever else photos are read, says `tf.cond` where it branches, so that
AutoGraph is left out: looking through all that is called took seconds of every command.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import tensorflow as tf

from fgmix.data.augment.registry import AUGMENTATIONS
from fgmix.data.codec.decode import load_image
from fgmix.data.dataset import ImageDataset
from fgmix.data.image_reader import Photos
from fgmix.data.resized_cache.store import Copy
from fgmix.data.shard import WHOLE, Shard, measured_order


def steps_per_epoch(num_images: int, batch_size: int) -> int:
    """Full batches in an epoch; at least one."""
    return max(1, num_images // batch_size)


def shuffled(count: int, seed: int, epoch: tf.Tensor) -> tf.Tensor:
    """The order in which an epoch takes the images of the training split: int32 `[count]`."""
    images = tf.range(count)
    return tf.random.experimental.stateless_shuffle(images, _epoch_key(seed, epoch))


def _epoch_key(seed: int, epoch: tf.Tensor) -> tf.Tensor:
    return tf.stack([tf.constant(seed, tf.int64), epoch])


def batch_paths(dataset: ImageDataset, step: int, *, batch_size: int, seed: int) -> list[str]:
    """The photos of one batch of `training_batches`, in order.

    Args:
        dataset: What is trained on.
        step: Counted from the start of the run.
        batch_size: Images a batch.
        seed: The run's.
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
    copies: Mapping[str, Copy] | None = None,
    shard: Shard = WHOLE,
    reduced: bool = False,
    decoded: Sequence[np.ndarray] | None = None,
) -> tf.data.Dataset:
    """The batches of a whole training run, epoch after epoch.

    Every epoch takes the images of the training split in an order of its own and leaves out
    those that don't fill a batch: others each time. With fewer images than `batch_size`, a
    batch is all of them.

    Args:
        dataset: What to train on.
        image_size: Side of the images, in pixels.
        batch_size: Images a batch.
        augmentation: A name from `AUGMENTATIONS`.
        seed: Keys order and augmentation.
        epochs: The epoch after the last one.
        first_step: The step to begin with, counted from the start of the run.
        copies: From `prepare`: smaller copies to read in place of the photos at these paths. They
            change neither order nor augmentation.
        shard: Which part of every batch to read, where several processes train together.
        reduced: Whether JPEGs are decoded at a reduced size where the crop has pixels enough. It
            changes neither order nor augmentation.
        decoded: The photos in memory, in order: `Photos.decode` with the same copies.

    Returns:
        `steps_per_epoch` times `epochs` less `first_step` batches of images float32
        `[B, S, S, 3]`, RGB in [0, 255], and one-hot labels float32 `[B, K]`, where `B` is what
        the shard has of a batch.
    """
    split = dataset.splits["train"]
    labels = tf.constant(split.labels)
    num_classes = len(dataset.class_names)
    batch_size = min(batch_size, len(split))
    augment = AUGMENTATIONS[augmentation]
    read = Photos(dataset, copies).reader(
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
    """Which image comes when: the order of a whole training run, epoch after epoch.

    Args:
        num_images: How many there are.
        batch_size: Images a batch, no more than there are. What doesn't fill one is left out.
        seed: Keys the order.
        epochs: The epoch after the last one.
        first_step: The step to begin with, counted from the start of the run.
        shard: Which part of every batch, where several processes train together.

    Returns:
        Pairs of scalars, one by one: epoch int64 and image int32.
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
    image_size: int,
    batch_size: int,
    shard: Shard = WHOLE,
    filled: bool = False,
) -> tf.data.Dataset:
    """Every image of a split, in order, resized and nothing else.

    Args:
        dataset: The data set.
        split: The split's name.
        image_size: Side of the images, in pixels.
        batch_size: Images a batch, of all processes together.
        shard: Which part of every batch to read.
        filled: Whether the last batch is filled up with its last image.

    Returns:
        Batches of images float32 `[b, S, S, 3]`, RGB in [0, 255], and one-hot labels float32
        `[b, K]`; the last batch may be smaller, if it is not filled.
    """
    order = measured_order(len(dataset.splits[split]), batch_size, shard, filled)
    chosen = replace(dataset, splits={split: dataset.splits[split].take(order)})
    labels = tf.one_hot(chosen.splits[split].labels, len(dataset.class_names))

    @tf.autograph.experimental.do_not_convert
    def load(file: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return load_image(tf.io.read_file(file), image_size, dataset.crop_bottom), label

    return (
        tf.data.Dataset.from_tensor_slices((chosen.files(split), labels))
        .map(load, num_parallel_calls=tf.data.AUTOTUNE)
        .batch(shard.size(batch_size))
        .prefetch(tf.data.AUTOTUNE)
    )
