"""Reads the part of a training image that its augmentation uses, from disk or from memory."""

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from fgmix.data.augment.registry import Augmentation, cut_at
from fgmix.data.codec.decode import decode_image, decode_jpeg_part, decode_part
from fgmix.data.dataset import ImageDataset
from fgmix.data.resized_cache.store import ResizedImage
from fgmix.errors import FgmixError

log = logging.getLogger(__name__)

MEMORY_FRACTION = 0.8
"""The fraction of the free memory that decoded images may take."""

Read = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""`(index, seed) -> crop`: reads from an image of the training split; uint8 `[h, w, 3]`."""


class TrainingImages:
    """The images of a training split, each read from its original or from its resized image.

    Args:
        dataset: The data set.
        resized: Resized images to read instead of the originals at these paths.
    """

    def __init__(self, dataset: ImageDataset, resized: Mapping[str, ResizedImage] | None = None):
        found = [(resized or {}).get(path) for path in dataset.splits["train"].paths]
        originals = dataset.files("train")
        self.crop_bottom = dataset.crop_bottom
        self.files = tf.constant(
            [small.file if small else file for small, file in zip(found, originals, strict=True)]
        )
        self.original_shapes = tf.constant(
            [small.original_shape if small else (0, 0) for small in found], tf.int32
        )
        """Heights and widths of the originals of resized images; zeros for the other images."""

    def reader(
        self,
        augmentation: Augmentation,
        *,
        reduce_to: int | None = None,
        decoded: Sequence[np.ndarray] | None = None,
    ) -> Read:
        """Returns a function that reads the part of an image that an augmentation uses.

        Args:
            augmentation: The augmentation.
            reduce_to: See `decode_part`.
            decoded: The images in memory, from `decode`; by default they are read from disk.
        """
        box = augmentation.box

        def cut(
            index: tf.Tensor, image_shape: tf.Tensor, seed: tf.Tensor
        ) -> tuple[tf.Tensor, tf.Tensor]:
            if box is None:
                return tf.zeros_like(image_shape), image_shape
            is_resized = self.original_shapes[index, 0] > 0
            original_shape = tf.where(is_resized, self.original_shapes[index], image_shape)
            return cut_at(box(original_shape, seed), original_shape, image_shape)

        def from_memory(index: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
            image = tf.numpy_function(
                lambda number: (decoded or [])[number], [index], tf.uint8, stateful=False
            )
            image = tf.ensure_shape(image, [None, None, 3])
            low, high = cut(index, tf.shape(image)[:2], seed)
            return image[low[0] : high[0], low[1] : high[1]]

        def from_disk(index: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
            content = tf.io.read_file(self.files[index])
            return tf.cond(
                self.original_shapes[index, 0] > 0,
                lambda: from_resized(content, index, seed),
                lambda: decode_part(
                    content,
                    lambda shape: cut(index, shape, seed),
                    self.crop_bottom,
                    reduce_to=reduce_to,
                ),
            )

        def from_resized(content: tf.Tensor, index: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
            # A resized image is upright, cropped and of a known format: no header check is needed.
            if augmentation.resized_format != "jpg":
                return tf.io.decode_image(content, channels=3, expand_animations=False)
            shape = tf.io.extract_jpeg_shape(content)[:2]
            return decode_jpeg_part(content, shape, *cut(index, shape, seed), reduce_to=reduce_to)

        return from_disk if decoded is None else from_memory

    def decode(self) -> list[np.ndarray]:
        """Decodes all images on all cores, to be kept in memory.

        Returns:
            The images in the order of the split, uint8 `[h, w, 3]` each.

        Raises:
            FgmixError: If they take more than `MEMORY_FRACTION` of the free memory.
        """

        @tf.autograph.experimental.do_not_convert
        def decode_one(file: tf.Tensor, original_shape: tf.Tensor) -> tf.Tensor:
            content = tf.io.read_file(file)
            return tf.cond(
                original_shape[0] > 0,
                lambda: tf.io.decode_image(content, channels=3, expand_animations=False),
                lambda: decode_image(content, self.crop_bottom),
            )

        images, total, limit = [], 0, MEMORY_FRACTION * free_memory()
        decoded = tf.data.Dataset.from_tensor_slices((self.files, self.original_shapes)).map(
            decode_one, num_parallel_calls=tf.data.AUTOTUNE
        )
        for image in decoded.as_numpy_iterator():
            images.append(image.copy())  # frees the buffer that TensorFlow owns
            total += image.nbytes
            if total > limit:
                fraction = len(images) / len(self.files)
                raise FgmixError(
                    f"--cache memory: the photos take about {total / fraction / 1e9:.1f} GB "
                    f"decoded, and {limit / 1e9:.1f} GB may be used: leave it out"
                )
        log.info("holding %d decoded photos in memory: %.0f MB", len(images), total / 1e6)
        return images


def free_memory() -> int:
    """Returns the available memory in bytes; the installed memory if that is unknown."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        known = dict(line.split(":") for line in lines)
        return int(known["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
