"""Builds the resized cache, so that no epoch decodes the large originals.

A resized image is the decoded original, shrunk to the smallest size that the augmentation can use.
Resized images are for training only. An interrupted build is resumed by the next one.
"""

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from fgmix.data.augment.registry import AUGMENTATIONS
from fgmix.data.codec.decode import decode_image
from fgmix.data.codec.headers import MAX_PIXELS
from fgmix.data.codec.resize import resize
from fgmix.data.dataset import ImageDataset
from fgmix.data.resized_cache.store import ResizedCache, ResizedImage
from fgmix.errors import FgmixError
from fgmix.files import locked

log = logging.getLogger(__name__)

MIN_PIXEL_RATIO = 2
"""An image is resized if it has at least this many times the pixels of its resized image."""

SAVE_EVERY = 1000
"""Resized images between two writes of the index: the most that a killed process loses."""

REMEDY = "make room, choose another folder (TFDS_DATA_DIR), or train without (--prepare never)"


def build_resized_cache(
    dataset: ImageDataset, *, image_size: int, augmentation: str
) -> dict[str, ResizedImage]:
    """Resizes the large training images that are not in the cache yet, and returns them all.

    If several processes need the same cache, one builds it and the others wait. An image that
    can't be decoded is left out.

    Args:
        dataset: The data set.
        image_size: Side of the images to train on, in pixels.
        augmentation: A name from `AUGMENTATIONS`.

    Returns:
        Resized images by the path of their original, relative to the data set's root. Which
        images are resized depends on the images, the size and the augmentation alone.

    Raises:
        FgmixError: If the cache can't be written.
    """
    paths = dataset.splits["train"].paths
    entry = AUGMENTATIONS[augmentation]
    cache = ResizedCache(dataset, f"{entry.cache_name}-{image_size}", f".{entry.resized_format}")
    resized = cache.find(paths)
    missing = [path for path in paths if path not in resized]
    missing = _large(dataset.root, missing, image_size, augmentation)
    if missing:
        with locked(cache.path, REMEDY):
            added_meanwhile = cache.find(missing)
            missing = [path for path in missing if path not in added_meanwhile]
            _add_resized(dataset, cache, missing, image_size, augmentation)
        resized = cache.find(paths)
    if resized:
        _log_gain(resized, len(paths), cache.path)
    return resized


def _large(root: Path, paths: Sequence[str], image_size: int, augmentation: str) -> list[str]:
    """Returns the images worth resizing, by the size in their headers (`MIN_PIXEL_RATIO`).

    Images that are too large to decode are left to the check for unreadable files.
    """
    if not paths:
        return []
    shapes = np.array([_header_shape(root / path) for path in paths], np.int32)
    resized_shape = AUGMENTATIONS[augmentation].resized_shape
    resized_shapes = resized_shape(tf.constant(shapes), image_size).numpy()
    pixels = shapes.prod(axis=1, dtype=np.int64)
    large = pixels >= MIN_PIXEL_RATIO * resized_shapes.prod(axis=1, dtype=np.int64)
    large &= pixels <= MAX_PIXELS
    return [path for path, is_large in zip(paths, large, strict=True) if is_large]


def _header_shape(file: Path) -> tuple[int, int]:
    """Returns height and width before EXIF orientation; 1 x 1 if the header is unreadable."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(file) as image:
                return image.height, image.width
    except Exception:  # Pillow raises many exception types for damaged headers
        return 1, 1


def _add_resized(
    dataset: ImageDataset,
    cache: ResizedCache,
    paths: Sequence[str],
    image_size: int,
    augmentation: str,
) -> None:
    """Adds images to a cache whose lock is held."""
    from tqdm import tqdm

    if not paths:
        return
    log.info("preparing %d photos for training, once, into %s", len(paths), cache.path)
    encoded = _encode(dataset, paths, image_size, augmentation)
    try:
        cache.open(paths)
        try:
            progress = tqdm(encoded, "preparing", len(paths), unit=" photos", disable=None)
            for count, (path, original_shape, content) in enumerate(progress, 1):
                cache.add(path, original_shape, content)
                if count % SAVE_EVERY == 0:
                    cache.save()
        finally:
            cache.save()  # also after Ctrl-C, so that the next run continues from there
    except OSError as error:
        raise FgmixError(
            f"can't write resized photos to {cache.path}: {error.strerror or error}; {REMEDY}"
        ) from error


def _encode(
    dataset: ImageDataset, paths: Sequence[str], image_size: int, augmentation: str
) -> Iterator[tuple[str, tuple[int, int], bytes]]:
    """Resizes and encodes images in order, on all cores; skips those that can't be decoded.

    Yields:
        The original's path, its height and width, and the encoded resized image.
    """
    resized_shape = AUGMENTATIONS[augmentation].resized_shape
    encode_resized = ENCODERS[AUGMENTATIONS[augmentation].resized_format]

    @tf.autograph.experimental.do_not_convert
    def encode(number: tf.Tensor, file: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        image = decode_image(tf.io.read_file(file), dataset.crop_bottom)
        shape = tf.shape(image)[:2]
        return number, shape, encode_resized(image, resized_shape(shape, image_size))

    encoded = (
        tf.data.Dataset.from_tensor_slices([str(dataset.root / path) for path in paths])
        .enumerate()
        .map(encode, num_parallel_calls=tf.data.AUTOTUNE)
        .ignore_errors()
    )
    for number, (height, width), content in encoded.as_numpy_iterator():
        yield paths[number], (int(height), int(width)), content


def _encode_png(image: tf.Tensor, shape: tf.Tensor) -> tf.Tensor:
    """Resizes as evaluation does, so that an image of the final size differs only by rounding."""
    small = resize(image, shape, "bilinear")
    small = tf.saturate_cast(tf.round(small), tf.uint8)
    return tf.io.encode_png(small, compression=1)  # 5 % larger than the default, 3 times as fast


def _encode_jpeg(image: tf.Tensor, shape: tf.Tensor) -> tf.Tensor:
    """Resizes bicubically and compresses little: training resizes bilinearly once more."""
    small = resize(image, shape, "bicubic")
    small = tf.saturate_cast(tf.round(small), tf.uint8)
    return tf.io.encode_jpeg(small, "rgb", quality=98, chroma_downsampling=False)


ENCODERS: dict[str, Callable[[tf.Tensor, tf.Tensor], tf.Tensor]] = {
    "png": _encode_png,
    "jpg": _encode_jpeg,
}
"""Maps a format to `(image uint8 [h, w, 3], shape int32 [2]) -> file content, scalar string`."""


def _log_gain(resized: Mapping[str, ResizedImage], count: int, folder: Path) -> None:
    log.info(
        "training reads %d of %d photos from the resized cache: %.0f MB instead of %.0f MB, in %s "
        "(--prepare never reads the originals)",
        len(resized),
        count,
        sum(image.bytes for image in resized.values()) / 1e6,
        sum(image.original_bytes for image in resized.values()) / 1e6,
        folder,
    )
