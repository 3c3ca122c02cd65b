"""Augmentations: stateless functions of an image and a seed, so that a run can be repeated.

An image may be a smaller copy of its photo (`fgmix.data.resized_cache.build`). What is drawn
depends on the photo alone, so training on copies and training on photos see the same crops and
flips.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

from fgmix.data.augment.trivial_augment import trivial
from fgmix.data.codec.decode import resize_image

PADDING = 4
AREA_RANGE = (0.35, 1.0)
ASPECT_RANGE = (3 / 4, 4 / 3)


def cut_at(
    box: tf.Tensor, photo_shape: tf.Tensor, image_shape: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Where a box of a photo lies in it or in a copy: the nearest pixels, at least one.

    Args:
        box: int32 `[2, 2]`: first row and column, and those after the last, in the photo.
        photo_shape: int32 `[2]`, height and width of the photo.
        image_shape: int32 `[2]`, those of the copy.

    Returns:
        First row and column, and those after the last, int32 `[2]` each.
    """
    scale = image_shape / photo_shape
    low, high = (
        tf.cast(tf.round(tf.cast(edge, scale.dtype) * scale), tf.int32) for edge in tf.unstack(box)
    )
    return low, tf.maximum(high, low + 1)


def _random_box(photo_shape: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """35 to 100 % of the area at an aspect of 3:4 to 4:3."""
    begin, size, _ = tf.image.stateless_sample_distorted_bounding_box(
        tf.concat([photo_shape, [3]], axis=0),
        tf.zeros([0, 0, 4]),
        seed,
        min_object_covered=0.0,
        aspect_ratio_range=ASPECT_RANGE,
        area_range=AREA_RANGE,
        max_attempts=10,
        use_image_if_no_bounding_boxes=True,
    )
    # The third size drawn is -1: all channels.
    return tf.stack([begin[:2], begin[:2] + size[:2]])


def _resize(crop: tf.Tensor, image_size: int, seed: tf.Tensor) -> tf.Tensor:
    return resize_image(crop, image_size)


def _pad_crop(crop: tf.Tensor, image_size: int, seed: tf.Tensor) -> tf.Tensor:
    """Resize, pad 4 black pixels all round, crop at random, flip one in two."""
    image = resize_image(crop, image_size)
    image = tf.pad(image, [[PADDING, PADDING], [PADDING, PADDING], [0, 0]])
    image = tf.image.stateless_random_crop(image, [image_size, image_size, 3], seed)
    return _flip(image, seed)


def _resize_and_flip(crop: tf.Tensor, image_size: int, seed: tf.Tensor) -> tf.Tensor:
    return _flip(resize_image(crop, image_size), seed)


def _then(change: Callable[[tf.Tensor, tf.Tensor], tf.Tensor], number: int) -> "Finish":
    """Resize, flip one in two, and change by a seed of its own."""

    def finish(crop: tf.Tensor, image_size: int, seed: tf.Tensor) -> tf.Tensor:
        return change(_resize_and_flip(crop, image_size, seed), _fold(seed, number))

    return finish


def _flip(image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    # Not the crop's numbers again.
    return tf.image.stateless_random_flip_left_right(image, _fold(seed, 1))


def _fold(seed: tf.Tensor, number: int) -> tf.Tensor:
    return tf.random.experimental.stateless_fold_in(seed, number)


def _final_shape(photo_shape: tf.Tensor, image_size: int) -> tf.Tensor:
    return tf.fill(tf.shape(photo_shape), image_size)


def _shape_for_crops(photo_shape: tf.Tensor, image_size: int) -> tf.Tensor:
    """Shrinks until the shortest side that a crop can have is `image_size`.

    A crop of area `a` and aspect `r` of an `h x w` photo is `sqrt(a h w / r)` high and
    `sqrt(a h w r)` wide, or as high or wide as the photo if that is less.
    """
    sides = tf.cast(photo_shape, tf.float64)
    least = AREA_RANGE[0] * min(ASPECT_RANGE[0], 1 / ASPECT_RANGE[1])
    shortest = math.sqrt(least) * tf.sqrt(tf.reduce_prod(sides, axis=-1, keepdims=True))
    shortest = tf.minimum(shortest, tf.reduce_min(sides, axis=-1, keepdims=True))
    scale = tf.minimum(image_size / shortest, 1.0)
    return tf.cast(tf.math.ceil(sides * scale), tf.int32)


Finish = Callable[[tf.Tensor, int, tf.Tensor], tf.Tensor]
"""`(crop, image_size, seed) -> augmented`: see `Augmentation`."""


@dataclass(frozen=True)
class Augmentation:
    """How a photo is varied in training, and how large a copy of it that takes.

    Attributes:
        finish: `(crop, image_size, seed) -> augmented`. `crop` is uint8 `[h, w, 3]`, the part of
            the photo that `box` says, or all of it; `seed` int64 `[2]`; `augmented` float32
            `[image_size, image_size, 3]`.
        copy_shape: `(photo_shape, image_size) -> copy_shape`, both shapes int32 `[..., 2]`: height
            and width of the smallest copy that serves as well as the photo.
        copy_format: `"png"` where the copy has its final size, so that it differs by rounding
            alone; `"jpg"` where it is resized again, which changes more than the encoding does.
        copies: Augmentations of the same name here share their copies.
        box: `(photo_shape, seed) -> box`: which part of a photo is used, int32 `[2, 2]` as in
            `cut_at`. None: all of it.
    """

    finish: Finish
    copy_shape: Callable[[tf.Tensor, int], tf.Tensor]
    copy_format: str
    copies: str
    box: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] | None = None

    def apply(
        self, image: tf.Tensor, photo_shape: tf.Tensor, image_size: int, seed: tf.Tensor
    ) -> tf.Tensor:
        """Augments a photo or a copy of it.

        Args:
            image: uint8 `[h, w, 3]`.
            photo_shape: int32 `[2]`, the photo's height and width.
            image_size: Side of the result.
            seed: int64 `[2]`.

        Returns:
            float32 `[image_size, image_size, 3]`.
        """
        if self.box:
            low, high = cut_at(self.box(photo_shape, seed), photo_shape, tf.shape(image)[:2])
            image = image[low[0] : high[0], low[1] : high[1]]
        return self.finish(image, image_size, seed)


def _of_crops(finish: Finish) -> Augmentation:
    return Augmentation(finish, _shape_for_crops, "jpg", "random_resized_crop", _random_box)


AUGMENTATIONS: dict[str, Augmentation] = {
    "none": Augmentation(_resize, _final_shape, "png", "none"),
    "pad_crop": Augmentation(_pad_crop, _final_shape, "png", "pad_crop"),
    "random_resized_crop": _of_crops(_resize_and_flip),
    "trivial": _of_crops(_then(trivial, 3)),
}
"""name -> augmentation. The last two share crops and flips."""
