"""TrivialAugment: applies one random operation with a random strength to each image.

Reference: Müller and Hutter, *TrivialAugment*, 2021, arXiv:2103.10158. The operations have the
ranges of RandAugment's space instead of the paper's wide space, which can turn images upside down.
The functions are stateless; Keras's layers `RandAugment` and `AugMix` carry the state of a seed
generator from image to image.
"""

import math
from collections.abc import Callable

import tensorflow as tf

from fgmix.data.augment import color

ENHANCE = 0.9
"""The largest distance of a colour factor from 1; a factor of 1 changes nothing."""
SHEAR = 0.3
"""The largest shear, as the tangent of the angle."""
TRANSLATE = 10 / 32
"""The largest translation, as a fraction of the image's side."""
ROTATE = 30.0
"""The largest rotation, in degrees."""
POSTERIZE = 4
"""The largest number of bits that posterize drops."""
FILL = 127.0
"""The grey value of pixels that come from outside the image."""


def trivial_augment(image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Applies one of `OPERATIONS`, drawn uniformly.

    Args:
        image: float32 `[S, S, 3]`, RGB in [0, 255].
        seed: int64 `[2]`.

    Returns:
        An image of the same shape and range.
    """
    fold = tf.random.experimental.stateless_fold_in
    which = tf.random.stateless_uniform([], fold(seed, 1), 0, len(OPERATIONS), tf.int32)
    strength = tf.random.stateless_uniform([], fold(seed, 2), -1.0, 1.0)
    changed = tf.switch_case(
        which, [lambda change=change: change(image, strength) for change in OPERATIONS.values()]
    )
    return tf.ensure_shape(changed, image.shape)


def affine(image: tf.Tensor, matrix: tf.Tensor, shift: tf.Tensor) -> tf.Tensor:
    """Applies an affine transform with bilinear interpolation; pixels from outside are grey.

    Args:
        image: float32 `[S, S, 3]`.
        matrix: float32 `[2, 2]`: with the image's centre as origin, the output pixel at `(x, y)` is
            read from `matrix (x, y) + shift` in the input.
        shift: float32 `[2]`, in pixels.

    Returns:
        float32 `[S, S, 3]`.
    """
    middle = (tf.cast(tf.shape(image)[:2][::-1], tf.float32) - 1) / 2
    offset = middle + shift - tf.linalg.matvec(matrix, middle)
    row, other = tf.unstack(tf.concat([matrix, offset[:, None]], axis=1))
    transform = tf.concat([row, other, [0.0, 0.0]], axis=0)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=image[None],
        transforms=transform[None],
        output_shape=tf.shape(image)[:2],
        fill_value=FILL,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )[0]


def _sheared(image: tf.Tensor, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    return affine(image, tf.stack([[1.0, x], [y, 1.0]]), tf.zeros([2]))


def _moved(image: tf.Tensor, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    side = TRANSLATE * tf.cast(tf.shape(image)[0], tf.float32)
    return affine(image, tf.eye(2), side * tf.stack([x, y]))


def _rotated(image: tf.Tensor, strength: tf.Tensor) -> tf.Tensor:
    angle = strength * (ROTATE * math.pi / 180)
    cosine, sine = tf.cos(angle), tf.sin(angle)
    return affine(image, tf.stack([[cosine, -sine], [sine, cosine]]), tf.zeros([2]))


def _enhanced(change: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]) -> "Operation":
    return lambda image, strength: change(image, 1 + ENHANCE * strength)


def _posterized(image: tf.Tensor, strength: tf.Tensor) -> tf.Tensor:
    dropped = tf.cast(tf.abs(strength) * (POSTERIZE + 1), tf.int32)  # the strength is below 1
    return color.posterize(image, 8 - tf.minimum(dropped, POSTERIZE))


Operation = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""`(image, strength in [-1, 1)) -> image`."""

OPERATIONS: dict[str, Operation] = {
    "identity": lambda image, strength: image,
    "autocontrast": lambda image, strength: color.autocontrast(image),
    "equalize": lambda image, strength: color.equalize(image),
    "rotate": _rotated,
    "solarize": lambda image, strength: color.solarize(image, 256 * (1 - tf.abs(strength))),
    "posterize": _posterized,
    "saturation": _enhanced(color.saturation),
    "contrast": _enhanced(color.contrast),
    "brightness": _enhanced(color.brightness),
    "sharpness": _enhanced(color.sharpness),
    "shear_x": lambda image, strength: _sheared(image, SHEAR * strength, 0.0),
    "shear_y": lambda image, strength: _sheared(image, 0.0, SHEAR * strength),
    "translate_x": lambda image, strength: _moved(image, strength, 0.0),
    "translate_y": lambda image, strength: _moved(image, 0.0, strength),
}
"""Maps a name to its operation."""
