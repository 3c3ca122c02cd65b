"""The inputs of training on a frozen backbone, whose features are computed once.

Every epoch uses one view of each image, in turn: epoch `e` uses view `(e + i) mod views` of image
`i`. Evaluation uses view 0.
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
from fgmix.models.backbones.registry import name_in_files
from fgmix.models.split import split_model
from fgmix.training.distributed.distribution import ONE_DEVICE, Distribution
from fgmix.training.frozen.features import (
    digest_weights,
    hash_path,
    mean_features,
    provide_features,
    view_image,
)
from fgmix.training.inputs import (
    Inputs,
    Measured,
    measured_images,
    measured_splits,
    one_hot,
    refuse_changed,
    size_of_batches,
)

MEASURED_AT_ONCE = 128

Load = Callable[[str, tf.Tensor, tf.Tensor], tf.Tensor]
"""`(split, views int64 [b], images int32 [b]) -> inputs float32 [b, ...]`."""

Stored = Mapping[tuple[str, int], tuple[np.ndarray, np.ndarray]]
"""From `provide_features`: by split and view, maps and the row of each image in them."""


def feature_inputs(
    model: keras.Model,
    config: TrainConfig,
    dataset: ImageDataset,
    distribution: Distribution = ONE_DEVICE,
) -> tuple[keras.Model, Inputs]:
    """Splits a classifier after its backbone, and returns the head and its inputs.

    Args:
        model: A classifier from `build_model`.
        config: A resolved config whose recipe freezes the backbone.
        dataset: The data set: `"train"` is trained on; `"val"`, if present, is measured after every
            epoch, and `"test"` if the config monitors it.
        distribution: The devices that batches are divided among, of a single process.

    Returns:
        The head of `model`, which shares its variables, and its inputs.

    Raises:
        FgmixError: If the features can't be stored.
    """
    parts = split_model(model)
    stored = provide_features(
        parts.backbone,
        dataset,
        name=name_in_files(config.backbone),
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
    inputs = _feature_inputs(config, dataset, load, measures, distribution)
    return parts.head, replace(inputs, backbone=digest.hexdigest())


def view_inputs(config: TrainConfig, dataset: ImageDataset) -> Inputs:
    """Returns the images of `feature_inputs` for the whole classifier, in the same views and order.

    Training on them is equivalent, but runs the backbone in every epoch.
    """
    split = dataset.splits["train"]
    files = tf.constant(dataset.files("train"))
    hashes = tf.constant([hash_path(path) for path in split.paths], tf.int64)

    def load_one(view: tf.Tensor, image: tf.Tensor) -> tf.Tensor:
        decoded = decode_image(tf.io.read_file(files[image]), dataset.crop_bottom)
        return view_image(decoded, hashes[image], view, config.image_size, config.augmentation)

    def load(_: str, views: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
        return tf.map_fn(
            lambda both: load_one(*both), (views, images), fn_output_signature=tf.float32
        )

    measured = {
        split: measured_images(config, dataset, split) for split in measured_splits(config, dataset)
    }
    return _feature_inputs(config, dataset, load, measured)


def _feature_inputs(
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
        for place, (view, image) in enumerate(zip(views, images, strict=True)):
            maps, rows = stored[split, view]
            batch[place] = maps[rows[image]]  # one by one, because a list of rows is copied twice
        return batch

    def load(split: str, views: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
        batch = tf.numpy_function(
            lambda v, i: gather(split, v, i), (views, images), tf.float16, stateful=False
        )
        batch = tf.ensure_shape(batch, (None, *stored[split, 0][0].shape[1:]))
        return tf.cast(batch, tf.float32)  # several times faster than in NumPy

    return load


def _means_in_memory(stored: Stored) -> Load:
    """Returns a loader of means over the positions, which take a few kilobytes per image."""
    means: dict[str, list[np.ndarray]] = {}
    for (split, _), (maps, rows) in sorted(stored.items(), key=lambda item: item[0]):
        means.setdefault(split, []).append(mean_features(maps, rows)[:, None, None])
    tables = {split: tf.constant(np.stack(of_views)) for split, of_views in means.items()}

    def load(split: str, views: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
        return tf.gather_nd(tables[split], tf.stack([views, tf.cast(images, tf.int64)], axis=1))

    return load
