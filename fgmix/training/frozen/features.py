"""Computes the features of a frozen backbone once, for one or more views of every image.

View 0 is the image as in evaluation and view 1 its mirror image; the others are augmented. The
augmentation of a view depends only on the image's path and the view's number, so runs that differ
in seed, attention, shots or folds share their features.
"""

import hashlib
import logging
import re
import shutil
import zlib
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from fgmix.data.augment.registry import AUGMENTATIONS
from fgmix.data.codec.decode import decode_image
from fgmix.data.dataset import ImageDataset
from fgmix.data.sources.locations import OWN_FOLDER, tfds_folder
from fgmix.errors import FgmixError
from fgmix.files import locked
from fgmix.models.fused_batchnorm import infer
from fgmix.training.frozen.store import FeatureStore

log = logging.getLogger(__name__)

FORMAT = 2
"""Increase this with any change of the views' pixels, so that older features are not used."""

VIEWS_SEED = 2026
REMEDY = "free some space, or choose another folder (TFDS_DATA_DIR)"


def view_image(
    image: tf.Tensor,
    path_hash: tf.Tensor,
    view: int | tf.Tensor,
    image_size: int,
    augmentation: str,
) -> tf.Tensor:
    """Returns a view of an image.

    Args:
        image: uint8 `[h, w, 3]`, the image.
        path_hash: int64 scalar, from `hash_path`.
        view: The view's number; 0 is the resized image, 1 its mirror image.
        image_size: Side of the result.
        augmentation: A name from `AUGMENTATIONS`, for views from 2 on.

    Returns:
        float32 `[image_size, image_size, 3]`, RGB in [0, 255].
    """
    view = tf.cast(view, tf.int64)
    key = tf.stack([tf.constant(VIEWS_SEED, tf.int64), view])
    key = tf.random.experimental.stateless_fold_in(key, path_hash)
    shape = tf.shape(image)[:2]
    plain = AUGMENTATIONS["none"].apply(image, shape, image_size, key)
    return tf.switch_case(
        tf.cast(tf.minimum(view, 2), tf.int32),
        [
            lambda: plain,
            lambda: tf.reverse(plain, axis=[1]),
            lambda: AUGMENTATIONS[augmentation].apply(image, shape, image_size, key),
        ],
    )


def hash_path(path: str) -> int:
    """Returns a number for an image, which seeds its views, from its path."""
    return zlib.crc32(path.encode())


def digest_weights(digest: "hashlib._Hash", backbone: keras.Model) -> None:
    """Adds the weights of a backbone to a digest."""
    for variable in backbone.weights:  # without the seeds of its dropout, which --seed sets
        digest.update(f"{tuple(variable.shape)}".encode())
        digest.update(np.ascontiguousarray(keras.ops.convert_to_numpy(variable)).tobytes())


def provide_features(
    backbone: keras.Model, dataset: ImageDataset, *, name: str, augmentation: str, wanted: dict
) -> dict[tuple[str, int], tuple[np.ndarray, np.ndarray]]:
    """Returns the features of a data set's images, and computes those that are missing.

    If several processes want the same features, one computes them and the others wait. An
    interrupted computation is continued.

    Args:
        backbone: Maps images `(b, S, S, 3)`, RGB in [0, 255], to the last feature map.
        dataset: The data set.
        name: The backbone's name, for the folder.
        augmentation: A name from `AUGMENTATIONS`.
        wanted: By split, the number of views of its images.

    Returns:
        By split and view, float16 maps `(m, h, w, C)`, memory-mapped, and the row of each image of
        the split in them, int64 `(n,)`.

    Raises:
        FgmixError: If the disk has too little space, or the features can't be written.
    """
    stores, folder = _stores(backbone, dataset, name, augmentation, max(wanted.values()))
    paths = {split: dataset.splits[split].paths for split in wanted}
    of_view = [
        [path for split, views in wanted.items() if view < views for path in paths[split]]
        for view in range(len(stores))
    ]
    with locked(folder, REMEDY):
        missing = [s.missing(p) for s, p in zip(stores, of_view, strict=True)]
        if any(missing):
            _announce(missing, stores[0].map_bytes, folder)
            try:
                for view, (store, images) in enumerate(zip(stores, missing, strict=True)):
                    if images:
                        store.add(
                            images, compute_maps(backbone, dataset, images, view, augmentation)
                        )
            except OSError as error:
                if dataset.root in Path(str(error.filename)).parents:
                    raise  # a missing image
                reason = error.strerror or error
                raise FgmixError(f"can't write features to {folder}: {reason}; {REMEDY}") from error
    return {
        (split, view): stores[view].read(paths[split])
        for split, views in wanted.items()
        for view in range(views)
    }


def mean_features(maps: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Returns the means of stored maps over their positions.

    Args:
        maps: float16 `(m, h, w, C)`, from `provide_features`.
        rows: int64 `(n,)`, the row of each image in them.

    Returns:
        float32 `(n, C)`.
    """
    return np.stack([maps[row].mean(axis=(0, 1), dtype=np.float32) for row in rows])


def _stores(
    backbone: keras.Model, dataset: ImageDataset, name: str, augmentation: str, views: int
) -> tuple[list[FeatureStore], Path]:
    size, shape = backbone.input_shape[1], backbone.output_shape[1:]
    digest = hashlib.sha256(
        f"{FORMAT}\0{VIEWS_SEED}\0{dataset.root.resolve()}\0{dataset.crop_bottom}\0"
        f"{backbone.output.dtype}\0{shape}".encode()
    )
    digest_weights(digest, backbone)
    data = re.sub(r"[^\w.]+", "_", dataset.name.partition("/")[0])[:40]
    folder = tfds_folder() / OWN_FOLDER / "features"
    folder /= f"{data}-{name}-{size}-{digest.hexdigest()[:16]}"
    names = ["plain", "mirrored", *(f"{augmentation}-{view}" for view in range(2, views))][:views]
    return [FeatureStore(dataset.root, folder, view, shape) for view in names], folder


def _announce(missing: list[list[str]], map_bytes: int, folder: Path) -> None:
    """Logs the number and size of the features to compute, and checks the free disk space."""
    count = sum(map(len, missing))
    needed = count * map_bytes
    place = next(parent for parent in folder.parents if parent.exists())
    free = shutil.disk_usage(place).free
    if needed > free:
        raise FgmixError(
            f"the features take {needed / 1e9:.1f} GB and {place} has {free / 1e9:.1f} GB free: "
            f"{REMEDY}, or take fewer --views or a smaller --image-size"
        )
    log.info(
        "running the backbone once over %d views of photos: %.0f MB of features, into %s",
        count,
        needed / 1e6,
        folder,
    )


def compute_maps(
    backbone: keras.Model, dataset: ImageDataset, paths: Sequence[str], view: int, augmentation: str
) -> Iterator[np.ndarray]:
    """Yields the feature map of each image.

    Args:
        backbone: From images `(b, S, S, 3)`, RGB in [0, 255], to the last feature map.
        dataset: The data set.
        paths: The images, relative to the data set's root.
        view: The number of the view, as for `view_image`.
        augmentation: A name from `AUGMENTATIONS`, for views from 2 on.

    Yields:
        float16 `(h, w, C)`, in the order of the paths.
    """
    from tqdm import tqdm

    size = backbone.input_shape[1]

    @tf.autograph.experimental.do_not_convert
    def load(file: tf.Tensor, path_hash: tf.Tensor) -> tf.Tensor:
        image = decode_image(tf.io.read_file(file), dataset.crop_bottom)
        return view_image(image, path_hash, view, size, augmentation)

    files = [str(dataset.root / path) for path in paths]
    hashes = np.array([hash_path(path) for path in paths], np.int64)
    batches = (
        tf.data.Dataset.from_tensor_slices((files, hashes))
        .map(load, num_parallel_calls=tf.data.AUTOTUNE)
        .batch(BATCH)
        .prefetch(tf.data.AUTOTUNE)
    )

    # With TensorFlow, `predict_on_batch` would give the batch to every device of a strategy.
    run = backbone.predict_on_batch
    if keras.backend.backend() == "tensorflow":
        run = tf.function(partial(infer, backbone), autograph=False, reduce_retracing=True)
    most = float(np.finfo(np.float16).max)
    progress = tqdm(total=len(paths), desc=f"view {view}", unit=" photos", disable=None)
    with progress:
        for images in batches.as_numpy_iterator():
            count = len(images)
            # Convolutions round differently in a smaller batch, so the last one is filled up: a
            # map does not depend on how many images are computed with it.
            filled = np.concatenate([images, np.repeat(images[-1:], BATCH - count, axis=0)])
            maps = np.asarray(run(filled), np.float32)[:count]
            yield from np.clip(maps, -most, most).astype(np.float16)
            progress.update(count)


BATCH = 32
"""Images per batch of the backbone."""
