"""Prepares large photos for training: makes smaller copies, so that no epoch decodes the originals.

A copy is what the decode path makes of a photo, shrunk to the smallest that the augmentation can
use. Copies serve training only. An interrupted preparation goes on where it was.
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
from fgmix.data.dataset import ImageDataset
from fgmix.data.resized_cache.store import Copy, CopyFolder
from fgmix.errors import FgmixError
from fgmix.files import locked

log = logging.getLogger(__name__)

WORTH = 2
"""A photo is copied if it has this many times the pixels of its copy."""

SAVE_EVERY = 1000
"""Copies between two writes of their index: what a killed process loses at most."""

REMEDY = "make room, choose another folder (TFDS_DATA_DIR), or train without (--prepare never)"


def prepare(dataset: ImageDataset, *, image_size: int, augmentation: str) -> dict[str, Copy]:
    """Makes what is missing of the copies of the training photos that are worth it.

    Of processes that want the same copies at once, one makes them and the others wait. A photo
    that can't be decoded gets no copy.

    Args:
        dataset: The data set.
        image_size: Side of the images to train on, in pixels.
        augmentation: A name from `AUGMENTATIONS`.

    Returns:
        Copies by the path of their photo, relative to the data set's root. Which photos have one
        depends on the photos, the size and the augmentation alone.

    Raises:
        FgmixError: If copies can't be written.
    """
    paths = dataset.splits["train"].paths
    entry = AUGMENTATIONS[augmentation]
    folder = CopyFolder(dataset, f"{entry.copies}-{image_size}", f".{entry.copy_format}")
    copies = folder.find(paths)
    missing = [path for path in paths if path not in copies]
    missing = _large(dataset.root, missing, image_size, augmentation)
    if missing:
        with locked(folder.path, REMEDY):
            copied_meanwhile = folder.find(missing)
            missing = [path for path in missing if path not in copied_meanwhile]
            _make_copies(dataset, folder, missing, image_size, augmentation)
        copies = folder.find(paths)
    if copies:
        _log_gain(copies, len(paths), folder.path)
    return copies


def _large(root: Path, paths: Sequence[str], image_size: int, augmentation: str) -> list[str]:
    """Those photos that have `WORTH` times the pixels of their copy, by their headers.

    What is too large to be decoded at all is left to the check of readability.
    """
    if not paths:
        return []
    shapes = np.array([_header_shape(root / path) for path in paths], np.int32)
    copy_shapes = AUGMENTATIONS[augmentation].copy_shape(tf.constant(shapes), image_size).numpy()
    pixels = shapes.prod(axis=1, dtype=np.int64)
    large = pixels >= WORTH * copy_shapes.prod(axis=1, dtype=np.int64)
    large &= pixels <= MAX_PIXELS
    return [path for path, is_large in zip(paths, large, strict=True) if is_large]


def _header_shape(file: Path) -> tuple[int, int]:
    """Height and width as stored, before EXIF orientation; 1 x 1 if Pillow can't tell."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(file) as image:
                return image.height, image.width
    except Exception:  # damaged headers make Pillow raise many kinds
        return 1, 1


def _make_copies(
    dataset: ImageDataset,
    folder: CopyFolder,
    paths: Sequence[str],
    image_size: int,
    augmentation: str,
) -> None:
    """Adds copies to a folder whose lock is held."""
    from tqdm import tqdm

    if not paths:
        return
    log.info("preparing %d photos for training, once, into %s", len(paths), folder.path)
    encoded = _encode(dataset, paths, image_size, augmentation)
    try:
        folder.open(paths)
        try:
            progress = tqdm(encoded, "preparing", len(paths), unit=" photos", disable=None)
            for count, (path, photo_shape, content) in enumerate(progress, 1):
                folder.add(path, photo_shape, content)
                if count % SAVE_EVERY == 0:
                    folder.save()
        finally:
            folder.save()  # after Ctrl-C too: the next run goes on from there
    except OSError as error:
        raise FgmixError(
            f"can't write prepared photos to {folder.path}: {error.strerror or error}; {REMEDY}"
        ) from error


def _encode(
    dataset: ImageDataset, paths: Sequence[str], image_size: int, augmentation: str
) -> Iterator[tuple[str, tuple[int, int], bytes]]:
    """Encodes the copies of those photos that can be decoded, in order, on all cores.

    Yields:
        The photo's path, its height and width, and its copy, encoded.
    """
    copy_shape = AUGMENTATIONS[augmentation].copy_shape
    encode_copy = ENCODERS[AUGMENTATIONS[augmentation].copy_format]

    @tf.autograph.experimental.do_not_convert
    def encode(number: tf.Tensor, file: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        image = decode_image(tf.io.read_file(file), dataset.crop_bottom)
        shape = tf.shape(image)[:2]
        return number, shape, encode_copy(image, copy_shape(shape, image_size))

    copies = (
        tf.data.Dataset.from_tensor_slices([str(dataset.root / path) for path in paths])
        .enumerate()
        .map(encode, num_parallel_calls=tf.data.AUTOTUNE)
        .ignore_errors()
    )
    for number, (height, width), content in copies.as_numpy_iterator():
        yield paths[number], (int(height), int(width)), content


def _encode_png(image: tf.Tensor, shape: tf.Tensor) -> tf.Tensor:
    """Resizes as evaluation does, so that a copy of the final size differs by rounding alone."""
    small = tf.image.resize(image, shape, method="bilinear", antialias=True)
    small = tf.saturate_cast(tf.round(small), tf.uint8)
    return tf.io.encode_png(small, compression=1)  # a twentieth larger, three times as fast


def _encode_jpeg(image: tf.Tensor, shape: tf.Tensor) -> tf.Tensor:
    """Keeps what the second, bilinear resizing would blur: bicubic, hardly compressed."""
    small = tf.image.resize(image, shape, method="bicubic", antialias=True)
    small = tf.saturate_cast(tf.round(small), tf.uint8)
    return tf.io.encode_jpeg(small, "rgb", quality=98, chroma_downsampling=False)


ENCODERS: dict[str, Callable[[tf.Tensor, tf.Tensor], tf.Tensor]] = {
    "png": _encode_png,
    "jpg": _encode_jpeg,
}
"""format -> `(image uint8 [h, w, 3], shape int32 [2]) -> scalar string`: a copy of this shape."""


def _log_gain(copies: Mapping[str, Copy], photos: int, folder: Path) -> None:
    log.info(
        "training reads smaller copies of %d of %d photos: %.0f MB for %.0f MB, in %s "
        "(--prepare never reads the photos themselves)",
        len(copies),
        photos,
        sum(copy.bytes for copy in copies.values()) / 1e6,
        sum(copy.photo_bytes for copy in copies.values()) / 1e6,
        folder,
    )
