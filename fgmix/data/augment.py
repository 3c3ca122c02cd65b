"""Augmentations: stateless functions of an image and a seed, so that a run can be repeated.

An image may be a smaller copy of its photo (`fgmix.data.prepared`). What is drawn depends on the
photo alone, so training on copies and training on photos see the same crops and flips.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

from fgmix.data.decode import resize_image

PADDING = 4
AREA_RANGE = (0.35, 1.0)
ASPECT_RANGE = (3 / 4, 4 / 3)


def _resize(
    image: tf.Tensor, photo_shape: tf.Tensor, image_size: int, seed: tf.Tensor
) -> tf.Tensor:
    return resize_image(image, image_size)


def _pad_crop(
    image: tf.Tensor, photo_shape: tf.Tensor, image_size: int, seed: tf.Tensor
) -> tf.Tensor:
    """Resize, pad 4 black pixels all round, crop at random, flip one in two."""
    image = resize_image(image, image_size)
    image = tf.pad(image, [[PADDING, PADDING], [PADDING, PADDING], [0, 0]])
    image = tf.image.stateless_random_crop(image, [image_size, image_size, 3], seed)
    return _flip(image, seed)


def _random_resized_crop(
    image: tf.Tensor, photo_shape: tf.Tensor, image_size: int, seed: tf.Tensor
) -> tf.Tensor:
    """Crop 35 to 100 % of the area at an aspect of 3:4 to 4:3, resize, flip one in two."""
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
    # The box is drawn in pixels of the photo; of a copy, the nearest pixels are taken. The third
    # size drawn is -1: all channels.
    begin, end = begin[:2], begin[:2] + size[:2]
    scale = tf.shape(image)[:2] / photo_shape
    low, high = (
        tf.cast(tf.round(tf.cast(edge, scale.dtype) * scale), tf.int32) for edge in (begin, end)
    )
    high = tf.maximum(high, low + 1)
    crop = image[low[0] : high[0], low[1] : high[1]]
    return _flip(resize_image(crop, image_size), seed)


def _flip(image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    own_seed = tf.random.experimental.stateless_fold_in(seed, 1)  # not the crop's numbers again
    return tf.image.stateless_random_flip_left_right(image, own_seed)


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


@dataclass(frozen=True)
class Augmentation:
    """How a photo is varied in training, and how large a copy of it that takes.

    Attributes:
        apply: `(image, photo_shape, image_size, seed) -> augmented`. `image` is uint8 `[h, w, 3]`,
            the photo or a copy of it; `photo_shape` int32 `[2]`, the photo's height and width;
            `seed` int64 `[2]`; `augmented` float32 `[image_size, image_size, 3]`.
        copy_shape: `(photo_shape, image_size) -> copy_shape`, both shapes int32 `[..., 2]`: height
            and width of the smallest copy that serves as well as the photo.
        copy_format: `"png"` where the copy has its final size, so that it differs by rounding
            alone; `"jpg"` where it is resized again, which changes more than the encoding does.
    """

    apply: Callable[[tf.Tensor, tf.Tensor, int, tf.Tensor], tf.Tensor]
    copy_shape: Callable[[tf.Tensor, int], tf.Tensor]
    copy_format: str


AUGMENTATIONS: dict[str, Augmentation] = {
    "none": Augmentation(_resize, _final_shape, "png"),
    "pad_crop": Augmentation(_pad_crop, _final_shape, "png"),
    "random_resized_crop": Augmentation(_random_resized_crop, _shape_for_crops, "jpg"),
}
"""name -> augmentation."""
