"""Augmentations: stateless functions of an image and a seed, so that runs are reproducible.

An image may come from the resized cache (`fgmix.data.resized_cache.build`). The random draws depend
on the shape of the original alone, so training on resized images sees the same crops and flips.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

from fgmix.data.augment.trivial_augment import trivial_augment
from fgmix.data.codec.resize import resize_image

PADDING = 4
AREA_RANGE = (0.35, 1.0)
ASPECT_RANGE = (3 / 4, 4 / 3)


def cut_at(
    box: tf.Tensor, original_shape: tf.Tensor, image_shape: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Converts a box in an original image to a box in its resized image.

    Edges are rounded to the nearest pixel; the result has at least one row and one column.

    Args:
        box: int32 `[2, 2]` in the original: first row and column, and end row and column
            (exclusive).
        original_shape: int32 `[2]`, height and width of the original.
        image_shape: int32 `[2]`, height and width of the resized image, or of the original.

    Returns:
        First row and column, and end row and column (exclusive), int32 `[2]` each.
    """
    scale = image_shape / original_shape
    low, high = (
        tf.cast(tf.round(tf.cast(edge, scale.dtype) * scale), tf.int32) for edge in tf.unstack(box)
    )
    return low, tf.maximum(high, low + 1)


def _random_box(original_shape: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Draws a box with 35 to 100 % of the area and an aspect ratio of 3:4 to 4:3."""
    begin, size, _ = tf.image.stateless_sample_distorted_bounding_box(
        tf.concat([original_shape, [3]], axis=0),
        tf.zeros([0, 0, 4]),
        seed,
        min_object_covered=0.0,
        aspect_ratio_range=ASPECT_RANGE,
        area_range=AREA_RANGE,
        max_attempts=10,
        use_image_if_no_bounding_boxes=True,
    )
    # The third element of `size` is -1, which means all channels.
    return tf.stack([begin[:2], begin[:2] + size[:2]])


def _resize(crop: tf.Tensor, image_size: int, seed: tf.Tensor) -> tf.Tensor:
    return resize_image(crop, image_size)


def _pad_crop(crop: tf.Tensor, image_size: int, seed: tf.Tensor) -> tf.Tensor:
    """Resizes, pads 4 black pixels on every side, crops at random, flips with probability 0.5."""
    image = resize_image(crop, image_size)
    image = tf.pad(image, [[PADDING, PADDING], [PADDING, PADDING], [0, 0]])
    image = tf.image.stateless_random_crop(image, [image_size, image_size, 3], seed)
    return _flip(image, seed)


def _resize_and_flip(crop: tf.Tensor, image_size: int, seed: tf.Tensor) -> tf.Tensor:
    return _flip(resize_image(crop, image_size), seed)


def _then(change: Callable[[tf.Tensor, tf.Tensor], tf.Tensor], number: int) -> "Finish":
    """Resizes, flips with probability 0.5, and applies `change` with a seed folded by `number`."""

    def finish(crop: tf.Tensor, image_size: int, seed: tf.Tensor) -> tf.Tensor:
        return change(_resize_and_flip(crop, image_size, seed), _fold(seed, number))

    return finish


def _flip(image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    # A seed of its own: with the crop's, crop and flip would be correlated.
    return tf.image.stateless_random_flip_left_right(image, _fold(seed, 1))


def _fold(seed: tf.Tensor, number: int) -> tf.Tensor:
    return tf.random.experimental.stateless_fold_in(seed, number)


def _final_shape(original_shape: tf.Tensor, image_size: int) -> tf.Tensor:
    return tf.fill(tf.shape(original_shape), image_size)


def _shape_for_crops(original_shape: tf.Tensor, image_size: int) -> tf.Tensor:
    """Shrinks a shape until the shortest side of its smallest crop is `image_size`; never enlarges.

    A crop of area fraction `a` and aspect ratio `r` of an `h x w` image is `sqrt(a h w / r)` high
    and `sqrt(a h w r)` wide, limited to the height and width of the image.
    """
    sides = tf.cast(original_shape, tf.float64)
    least = AREA_RANGE[0] * min(ASPECT_RANGE[0], 1 / ASPECT_RANGE[1])
    shortest = math.sqrt(least) * tf.sqrt(tf.reduce_prod(sides, axis=-1, keepdims=True))
    shortest = tf.minimum(shortest, tf.reduce_min(sides, axis=-1, keepdims=True))
    scale = tf.minimum(image_size / shortest, 1.0)
    return tf.cast(tf.math.ceil(sides * scale), tf.int32)


Finish = Callable[[tf.Tensor, int, tf.Tensor], tf.Tensor]
"""`(crop, image_size, seed) -> augmented`: see `Augmentation`."""


@dataclass(frozen=True)
class Augmentation:
    """A training augmentation, and the resized image that it needs.

    Attributes:
        finish: `(crop, image_size, seed) -> augmented`. `crop` is uint8 `[h, w, 3]`, the part of
            the image given by `box`, or all of it; `seed` is int64 `[2]`; `augmented` is float32
            `[image_size, image_size, 3]`.
        resized_shape: `(original_shape, image_size) -> resized_shape`, both int32 `[..., 2]`:
            height and width of the smallest resized image that can replace the original.
        resized_format: `"png"` if the resized image has its final size, so that it differs only
            by rounding; `"jpg"` if it is resized again, which changes more than the encoding does.
        cache_name: Augmentations with the same cache name share their resized images.
        box: `(original_shape, seed) -> box`: the part of the image to use, int32 `[2, 2]` as in
            `cut_at`. None means all of it.
    """

    finish: Finish
    resized_shape: Callable[[tf.Tensor, int], tf.Tensor]
    resized_format: str
    cache_name: str
    box: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] | None = None

    def apply(
        self, image: tf.Tensor, original_shape: tf.Tensor, image_size: int, seed: tf.Tensor
    ) -> tf.Tensor:
        """Augments an original image or its resized image.

        Args:
            image: uint8 `[h, w, 3]`.
            original_shape: int32 `[2]`, height and width of the original.
            image_size: Side of the result, in pixels.
            seed: int64 `[2]`.

        Returns:
            float32 `[image_size, image_size, 3]`.
        """
        if self.box:
            low, high = cut_at(self.box(original_shape, seed), original_shape, tf.shape(image)[:2])
            image = image[low[0] : high[0], low[1] : high[1]]
        return self.finish(image, image_size, seed)


def _of_crops(finish: Finish) -> Augmentation:
    return Augmentation(finish, _shape_for_crops, "jpg", "random_resized_crop", _random_box)


AUGMENTATIONS: dict[str, Augmentation] = {
    "none": Augmentation(_resize, _final_shape, "png", "none"),
    "pad_crop": Augmentation(_pad_crop, _final_shape, "png", "pad_crop"),
    "random_resized_crop": _of_crops(_resize_and_flip),
    "trivial": _of_crops(_then(trivial_augment, 3)),
}
"""Maps a name to its augmentation. The last two draw the same crops and flips."""
