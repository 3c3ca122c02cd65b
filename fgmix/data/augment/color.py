"""Colour operations with Pillow's definitions, as stateless functions.

Inputs and outputs are images, float32 `[h, w, 3]`, RGB in [0, 255]. A factor interpolates between a
degenerate image at 0 and the image itself at 1; factors above 1 extrapolate.
"""

import tensorflow as tf

LUMA = (0.299, 0.587, 0.114)


def brightness(image: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Changes the brightness; factor 0 gives black."""
    return _extrapolate(tf.zeros_like(image), image, factor)


def contrast(image: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Changes the contrast; factor 0 gives a uniform grey of the image's mean luma."""
    return _extrapolate(tf.reduce_mean(_luma(image)), image, factor)


def saturation(image: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Changes the saturation; factor 0 gives the image's luma, a grey image."""
    return _extrapolate(_luma(image), image, factor)


def sharpness(image: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Changes the sharpness; factor 0 gives a blurred image. Border pixels are unchanged."""
    kernel = tf.constant([[1.0, 1, 1], [1, 5, 1], [1, 1, 1]]) / 13
    kernel = tf.tile(kernel[..., None, None], [1, 1, 3, 1])
    blurred = tf.nn.depthwise_conv2d(image[None], kernel, [1, 1, 1, 1], "VALID")[0]
    inside = tf.pad(tf.ones_like(blurred, tf.bool), [[1, 1], [1, 1], [0, 0]])
    blurred = tf.where(inside, tf.pad(blurred, [[1, 1], [1, 1], [0, 0]]), image)
    return _extrapolate(blurred, image, factor)


def posterize(image: tf.Tensor, bits: tf.Tensor) -> tf.Tensor:
    """Keeps the `bits` most significant bits of every value; `bits` is an int32 scalar."""
    kept = tf.cast(tf.bitwise.left_shift(1, 8 - bits), tf.float32)
    return tf.floor(image / kept) * kept


def solarize(image: tf.Tensor, threshold: tf.Tensor) -> tf.Tensor:
    """Inverts all values at or above the threshold."""
    return tf.where(image < threshold, image, 255 - image)


def autocontrast(image: tf.Tensor) -> tf.Tensor:
    """Stretches every channel to the full range. A constant channel is unchanged."""
    low, high = tf.reduce_min(image, axis=[0, 1]), tf.reduce_max(image, axis=[0, 1])
    stretched = (image - low) * 255 / tf.maximum(high - low, 1e-3)
    return tf.where(high - low < 1e-3, image, tf.clip_by_value(stretched, 0.0, 255.0))


def equalize(image: tf.Tensor) -> tf.Tensor:
    """Equalizes the histogram of every channel. A constant channel is unchanged."""
    levels = tf.cast(tf.round(image), tf.int32)
    return tf.stack([_equalize(channel) for channel in tf.unstack(levels, axis=-1)], axis=-1)


def _equalize(levels: tf.Tensor) -> tf.Tensor:
    counts = tf.math.bincount(tf.reshape(levels, [-1]), minlength=256, maxlength=256)
    last = tf.reduce_max(tf.where(counts > 0)[:, 0])
    step = (tf.reduce_sum(counts) - counts[last]) // 255
    table = (tf.cumsum(counts, exclusive=True) + step // 2) // tf.maximum(step, 1)
    table = tf.where(step > 0, tf.clip_by_value(table, 0, 255), tf.range(256))
    return tf.cast(tf.gather(table, levels), tf.float32)


def _luma(image: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(image * tf.constant(LUMA), axis=-1, keepdims=True)


def _extrapolate(zero: tf.Tensor, one: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Returns the linear blend of two images: `zero` at factor 0, `one` at factor 1; clipped."""
    return tf.clip_by_value(zero + factor * (one - zero), 0.0, 255.0)
