"""Reading the part of a training photo that its augmentation wants, from disk or from memory."""

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from fgmix.data.augment.registry import Augmentation, cut_at
from fgmix.data.codec.decode import decode_image, decode_jpeg_part, decode_part
from fgmix.data.dataset import ImageDataset
from fgmix.data.resized_cache.store import Copy
from fgmix.errors import FgmixError

log = logging.getLogger(__name__)

ROOM = 0.8
"""The share of the free memory that decoded photos may take."""

Read = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""`(index, seed) -> crop`: of a photo of the training split, uint8 `[h, w, 3]`."""


class Photos:
    """The photos of a training split, each itself or as its copy.

    Args:
        dataset: The data set.
        copies: Smaller copies to read in place of the photos at these paths.
    """

    def __init__(self, dataset: ImageDataset, copies: Mapping[str, Copy] | None = None):
        found = [(copies or {}).get(path) for path in dataset.splits["train"].paths]
        photos = dataset.files("train")
        self.crop_bottom = dataset.crop_bottom
        self.files = tf.constant(
            [copy.file if copy else file for copy, file in zip(found, photos, strict=True)]
        )
        self.shapes = tf.constant(
            [copy.photo_shape if copy else (0, 0) for copy in found], tf.int32
        )
        """Heights and widths of the photos that have copies; zeros for the others."""

    def reader(
        self,
        augmentation: Augmentation,
        *,
        reduce_to: int | None = None,
        decoded: Sequence[np.ndarray] | None = None,
    ) -> Read:
        """Returns what reads the part of a photo that an augmentation wants.

        Args:
            augmentation: The augmentation.
            reduce_to: As for `decode_part`.
            decoded: The photos in memory, from `decode`.
        """
        box = augmentation.box

        def cut(
            index: tf.Tensor, image_shape: tf.Tensor, seed: tf.Tensor
        ) -> tuple[tf.Tensor, tf.Tensor]:
            if box is None:
                return tf.zeros_like(image_shape), image_shape
            is_copy = self.shapes[index, 0] > 0
            photo_shape = tf.where(is_copy, self.shapes[index], image_shape)
            return cut_at(box(photo_shape, seed), photo_shape, image_shape)

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
                self.shapes[index, 0] > 0,
                lambda: from_copy(content, index, seed),
                lambda: decode_part(
                    content,
                    lambda shape: cut(index, shape, seed),
                    self.crop_bottom,
                    reduce_to=reduce_to,
                ),
            )

        def from_copy(content: tf.Tensor, index: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
            # Upright and cropped as it is, and of a known kind, it needs no inspection.
            if augmentation.copy_format != "jpg":
                return tf.io.decode_image(content, channels=3, expand_animations=False)
            shape = tf.io.extract_jpeg_shape(content)[:2]
            return decode_jpeg_part(content, shape, *cut(index, shape, seed), reduce_to=reduce_to)

        return from_disk if decoded is None else from_memory

    def decode(self) -> list[np.ndarray]:
        """Decodes all photos, on all cores, to be held in memory: uint8 `[h, w, 3]` each.

        Raises:
            FgmixError: If they take more than `ROOM` of the free memory.
        """

        @tf.autograph.experimental.do_not_convert
        def decode_one(file: tf.Tensor, photo_shape: tf.Tensor) -> tf.Tensor:
            content = tf.io.read_file(file)
            return tf.cond(
                photo_shape[0] > 0,
                lambda: tf.io.decode_image(content, channels=3, expand_animations=False),
                lambda: decode_image(content, self.crop_bottom),
            )

        images, total, room = [], 0, ROOM * free_memory()
        decoded = tf.data.Dataset.from_tensor_slices((self.files, self.shapes)).map(
            decode_one, num_parallel_calls=tf.data.AUTOTUNE
        )
        for image in decoded.as_numpy_iterator():
            images.append(image.copy())  # not a part of TensorFlow's own memory
            total += image.nbytes
            if total > room:
                share = len(images) / len(self.files)
                raise FgmixError(
                    f"--cache memory: the photos take about {total / share / 1e9:.1f} GB decoded, "
                    f"and {room / 1e9:.1f} GB may be used: leave it out"
                )
        log.info("holding %d decoded photos in memory: %.0f MB", len(images), total / 1e6)
        return images


def free_memory() -> int:
    """Bytes of memory that are free for programs, as far as the system tells."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        known = dict(line.split(":") for line in lines)
        return int(known["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
