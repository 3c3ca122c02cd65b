"""Where a classifier looks: the energy of its attended feature map (the paper's Fig. 3)."""

import tensorflow as tf


def attention_energy(features: tf.Tensor) -> tf.Tensor:
    """Mean over channels of the squared features, from 0 to 1 in each image.

    Args:
        features: `(batch, height, width, channels)`.

    Returns:
        float32 `(batch, height, width)`; zeros where an image's map is the same everywhere.
    """
    energy = tf.reduce_mean(tf.square(tf.cast(features, tf.float32)), axis=-1)
    low = tf.reduce_min(energy, axis=(1, 2), keepdims=True)
    high = tf.reduce_max(energy, axis=(1, 2), keepdims=True)
    return tf.math.divide_no_nan(energy - low, high - low)
