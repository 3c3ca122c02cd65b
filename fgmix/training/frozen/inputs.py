"""Training on a frozen backbone: its features are computed once, and what stands on them is fitted.

In every epoch each photo is seen in one of its views, in turn: in epoch `e` photo `i` in view
`(e + i) mod views`. What is measured are plain photos.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace

import keras
import numpy as np
import tensorflow as tf

from fgmix.config.train_config import TrainConfig
from fgmix.data.codec.decode import decode_image
from fgmix.data.dataset import ImageDataset
from fgmix.data.pipeline import (
    batch_paths,
    shuffled_indices,
    steps_per_epoch,
)
from fgmix.data.shard import measured_order
from fgmix.models.split import split_model
from fgmix.training.distributed.distribution import ONE_DEVICE, Distribution
from fgmix.training.frozen.features import digest_weights, hash_path, provide_features, view_image
from fgmix.training.inputs import (
    Inputs,
    Measured,
    measured_photos,
    measured_splits,
    one_hot,
    refuse_changed,
    size_of_batches,
)

MEASURED_AT_ONCE = 128

Load = Callable[[str, tf.Tensor, tf.Tensor], tf.Tensor]
"""`(split, views int64 [b], images int32 [b]) -> inputs float32 [b, ...]`."""

Stored = Mapping[tuple[str, int], tuple[np.ndarray, np.ndarray]]
"""What `provide_features` returns: by split and view, maps and the row of each photo in them."""


def feature_inputs(
    model: keras.Model,
    config: TrainConfig,
    dataset: ImageDataset,
    distribution: Distribution = ONE_DEVICE,
) -> tuple[keras.Model, Inputs]:
    """Splits a classifier after its backbone, and feeds the head with stored features.

    Args:
        model: A classifier from `build_model`.
        config: A resolved config whose recipe freezes the backbone.
        dataset: What to train on; its `"val"` split, if there, is measured every epoch, and
            `"test"` if the config monitors it.
        distribution: Among what the batches are divided; one process.

    Returns:
        The head of `model` to train, which shares its variables, and its inputs.

    Raises:
        FgmixError: If the features can't be stored.
    """
    parts = split_model(model)
    stored = provide_features(
        parts.backbone,
        dataset,
        name=config.backbone,
        augmentation=config.augmentation,
        wanted={"train": config.views} | dict.fromkeys(measured_splits(config, dataset), 1),
    )
    look_up = _means_in_memory if parts.takes_means else _maps_on_disk
    load = look_up(stored)

    def measured(split: str) -> Measured:
        @tf.autograph.experimental.do_not_convert
        def load_batch(images: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return load(split, tf.zeros_like(images, tf.int64), images), labels

        labels = one_hot(dataset, split)
        at_once = MEASURED_AT_ONCE * distribution.devices
        images = measured_order(len(labels), at_once, filled=distribution.divided)
        batches = (
            tf.data.Dataset.from_tensor_slices((images, labels[images]))
            .batch(at_once)
            .map(load_batch)
            .prefetch(tf.data.AUTOTUNE)
        )
        return Measured(batches, labels)

    splits = measured_splits(config, dataset)
    measures = {split: measured(split) for split in splits}
    digest = hashlib.sha256()
    digest_weights(digest, parts.backbone)
    inputs = _feed(config, dataset, load, measures, distribution)
    return parts.head, replace(inputs, backbone=digest.hexdigest())


def view_inputs(config: TrainConfig, dataset: ImageDataset) -> Inputs:
    """Feeds the photos of `feature_inputs`, in the same views and order, to the whole classifier.

    It is what the stored features stand for, and costs a run of the backbone every epoch.
    """
    split = dataset.splits["train"]
    files = tf.constant(dataset.files("train"))
    hashes = tf.constant([hash_path(path) for path in split.paths], tf.int64)

    def load_one(view: tf.Tensor, image: tf.Tensor) -> tf.Tensor:
        photo = decode_image(tf.io.read_file(files[image]), dataset.crop_bottom)
        return view_image(photo, hashes[image], view, config.image_size, config.augmentation)

    def load(_: str, views: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
        return tf.map_fn(
            lambda both: load_one(*both), (views, images), fn_output_signature=tf.float32
        )

    measured = {
        split: measured_photos(config, dataset, split) for split in measured_splits(config, dataset)
    }
    return _feed(config, dataset, load, measured)


def _feed(
    config: TrainConfig,
    dataset: ImageDataset,
    load: Load,
    measured: dict[str, Measured],
    distribution: Distribution = ONE_DEVICE,
) -> Inputs:
    num_images = len(dataset.splits["train"])
    batch_size = size_of_batches(config, dataset, distribution)
    labels = tf.constant(one_hot(dataset, "train"))
    photos = dataset.identities()

    @tf.autograph.experimental.do_not_convert
    def load_batch(epochs: tf.Tensor, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        views = (epochs + tf.cast(images, tf.int64)) % config.views
        return load("train", views, images), tf.gather(labels, images)

    def training(first_step: int) -> tf.data.Dataset:
        return (
            shuffled_indices(
                num_images,
                batch_size=batch_size,
                seed=config.seed,
                epochs=config.epochs,
                first_step=first_step,
            )
            .batch(batch_size, drop_remainder=True)
            .map(load_batch, num_parallel_calls=tf.data.AUTOTUNE)
            .prefetch(tf.data.AUTOTUNE)
        )

    return Inputs(
        batch_size=batch_size,
        steps_per_epoch=steps_per_epoch(num_images, batch_size),
        training=training,
        measured=measured,
        names=lambda step: batch_paths(dataset, step, batch_size=batch_size, seed=config.seed),
        check=lambda: refuse_changed(dataset, photos),
    )


def _maps_on_disk(stored: Stored) -> Load:
    def gather(split: str, views: np.ndarray, images: np.ndarray) -> np.ndarray:
        shape = stored[split, 0][0].shape[1:]
        batch = np.empty((len(images), *shape), np.float16)
        for view in np.unique(views):
            maps, rows = stored[split, view]
            chosen = views == view
            batch[chosen] = maps[rows[images[chosen]]]
        return batch

    def load(split: str, views: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
        batch = tf.numpy_function(
            lambda v, i: gather(split, v, i), (views, images), tf.float16, stateful=False
        )
        batch = tf.ensure_shape(batch, (None, *stored[split, 0][0].shape[1:]))
        return tf.cast(batch, tf.float32)  # several times faster than NumPy's

    return load


def _means_in_memory(stored: Stored) -> Load:
    """Means over the positions: a few kilobytes a photo, so that they are held in memory."""
    means: dict[str, list[np.ndarray]] = {}
    for (split, _), (maps, rows) in sorted(stored.items(), key=lambda item: item[0]):
        of_view = np.stack([maps[row].mean(axis=(0, 1), dtype=np.float32) for row in rows])
        means.setdefault(split, []).append(of_view[:, None, None])
    tables = {split: tf.constant(np.stack(of_views)) for split, of_views in means.items()}

    def load(split: str, views: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
        return tf.gather_nd(tables[split], tf.stack([views, tf.cast(images, tf.int64)], axis=1))

    return load
