"""Changes of an image's colours, as Pillow makes them; stateless functions.

Images are float32 `[h, w, 3]`, RGB in [0, 255], and so is what comes out. A factor of 1 leaves an
image as it is, 0 is as far as it goes the one way, and 2 as far beyond it the other way.
"""

import tensorflow as tf

LUMA = (0.299, 0.587, 0.114)


def brightness(image: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """From black over the image to twice as bright."""
    return _extrapolate(tf.zeros_like(image), image, factor)


def contrast(image: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """From the grey of its mean luma over the image to twice the distance from that grey."""
    return _extrapolate(tf.reduce_mean(_luma(image)), image, factor)


def saturation(image: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """From its luma over the image to twice as colourful."""
    return _extrapolate(_luma(image), image, factor)


def sharpness(image: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """From a blurred image over the image to a sharpened one. The outermost pixels stay."""
    kernel = tf.constant([[1.0, 1, 1], [1, 5, 1], [1, 1, 1]]) / 13
    kernel = tf.tile(kernel[..., None, None], [1, 1, 3, 1])
    blurred = tf.nn.depthwise_conv2d(image[None], kernel, [1, 1, 1, 1], "VALID")[0]
    inside = tf.pad(tf.ones_like(blurred, tf.bool), [[1, 1], [1, 1], [0, 0]])
    blurred = tf.where(inside, tf.pad(blurred, [[1, 1], [1, 1], [0, 0]]), image)
    return _extrapolate(blurred, image, factor)


def posterize(image: tf.Tensor, bits: tf.Tensor) -> tf.Tensor:
    """Keeps this many bits of every value, int32."""
    kept = tf.cast(tf.bitwise.left_shift(1, 8 - bits), tf.float32)
    return tf.floor(image / kept) * kept


def solarize(image: tf.Tensor, threshold: tf.Tensor) -> tf.Tensor:
    """Inverts the values from the threshold on."""
    return tf.where(image < threshold, image, 255 - image)


def autocontrast(image: tf.Tensor) -> tf.Tensor:
    """Stretches every channel to the whole range. A channel of one value stays."""
    low, high = tf.reduce_min(image, axis=[0, 1]), tf.reduce_max(image, axis=[0, 1])
    stretched = (image - low) * 255 / tf.maximum(high - low, 1e-3)
    return tf.where(high - low < 1e-3, image, tf.clip_by_value(stretched, 0.0, 255.0))


def equalize(image: tf.Tensor) -> tf.Tensor:
    """Spreads the values of every channel evenly. A channel of one value stays."""
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
    """The line through two images: `zero` at factor 0, `one` at 1."""
    return tf.clip_by_value(zero + factor * (one - zero), 0.0, 255.0)
