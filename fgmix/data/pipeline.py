"""Batches for training and evaluation with `tf.data`.

Order and augmentation are functions of `(seed, epoch, image)`. No state is carried from step to
step, so the batches after any step are the same whether or not the run was interrupted there.
"""

import tensorflow as tf

from fgmix.data.augment import AUGMENTATIONS
from fgmix.data.dataset import ImageDataset
from fgmix.data.decode import decode_image, load_image


def steps_per_epoch(num_images: int, batch_size: int) -> int:
    """Full batches in an epoch; at least one."""
    return max(1, num_images // batch_size)


def training_batches(
    dataset: ImageDataset,
    *,
    image_size: int,
    batch_size: int,
    augmentation: str,
    seed: int,
    epochs: int,
    first_epoch: int = 0,
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
        first_epoch: The epoch to begin with.

    Returns:
        `steps_per_epoch` times `epochs - first_epoch` batches of images float32
        `[B, S, S, 3]`, RGB in [0, 255], and one-hot labels float32 `[B, K]`.
    """
    split = dataset.splits["train"]
    files, labels = tf.constant(dataset.files("train")), tf.constant(split.labels)
    num_classes = len(dataset.class_names)
    batch_size = min(batch_size, len(split))
    used = steps_per_epoch(len(split), batch_size) * batch_size
    augment = AUGMENTATIONS[augmentation]

    def epoch_key(epoch: tf.Tensor) -> tf.Tensor:
        return tf.stack([tf.constant(seed, tf.int64), epoch])

    def order(epoch: tf.Tensor) -> tf.data.Dataset:
        images = tf.range(len(split))
        shuffled = tf.random.experimental.stateless_shuffle(images, epoch_key(epoch))
        return tf.data.Dataset.from_tensor_slices(shuffled[:used]).map(lambda i: (epoch, i))

    def load(epoch: tf.Tensor, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        index_key = tf.cast(index, tf.int64)
        key = tf.random.experimental.stateless_fold_in(epoch_key(epoch), index_key)
        image = decode_image(tf.io.read_file(files[index]), dataset.crop_bottom)
        return augment(image, image_size, key), tf.one_hot(labels[index], num_classes)

    return (
        tf.data.Dataset.range(first_epoch, epochs)
        .flat_map(order)
        .map(load, num_parallel_calls=tf.data.AUTOTUNE)
        .batch(batch_size, drop_remainder=True)
        .prefetch(tf.data.AUTOTUNE)
    )


def evaluation_batches(
    dataset: ImageDataset, split: str, *, image_size: int, batch_size: int
) -> tf.data.Dataset:
    """Every image of a split, in order, resized and nothing else.

    Returns:
        Batches of images float32 `[b, S, S, 3]`, RGB in [0, 255], and one-hot labels float32
        `[b, K]`; the last batch may be smaller.
    """
    labels = tf.one_hot(dataset.splits[split].labels, len(dataset.class_names))
    return (
        tf.data.Dataset.from_tensor_slices((dataset.files(split), labels))
        .map(
            lambda file, label: (
                load_image(tf.io.read_file(file), image_size, dataset.crop_bottom),
                label,
            ),
            num_parallel_calls=tf.data.AUTOTUNE,
        )
        .batch(batch_size)
        .prefetch(tf.data.AUTOTUNE)
    )
