"""Where a classifier looks: the energy of its attended feature map (the paper's Fig. 3)."""

import tensorflow as tf


def attention_energy(features: tf.Tensor) -> tf.Tensor:
    """Mean over channels of the squared features, from 0 to 1 in each image.

    Args:
        features: `(batch, height, width, channels)`.

    Returns:
        float32 `(batch, height, width)`; zeros where an image's map is the same everywhere.
    """
    return unit_scale(tf.reduce_mean(tf.square(tf.cast(features, tf.float32)), axis=-1))


def unit_scale(heat: tf.Tensor) -> tf.Tensor:
    """Heat maps `(batch, height, width)` from 0 to 1 in each image; zeros where one is flat."""
    low = tf.reduce_min(heat, axis=(1, 2), keepdims=True)
    high = tf.reduce_max(heat, axis=(1, 2), keepdims=True)
    return tf.math.divide_no_nan(heat - low, high - low)
