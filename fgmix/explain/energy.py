"""The energy of a feature map, the heat map of the paper's Fig. 3."""

import tensorflow as tf


def attention_energy(features: tf.Tensor) -> tf.Tensor:
    """Returns the mean over channels of the squared features, scaled to [0, 1] in each image.

    Args:
        features: `(batch, height, width, channels)`.

    Returns:
        float32 `(batch, height, width)`; zeros for an image whose map is constant.
    """
    return unit_scale(tf.reduce_mean(tf.square(tf.cast(features, tf.float32)), axis=-1))


def unit_scale(heat: tf.Tensor) -> tf.Tensor:
    """Scales heat maps `(batch, height, width)` to [0, 1] in each image; constant ones to zero."""
    low = tf.reduce_min(heat, axis=(1, 2), keepdims=True)
    high = tf.reduce_max(heat, axis=(1, 2), keepdims=True)
    return tf.math.divide_no_nan(heat - low, high - low)
