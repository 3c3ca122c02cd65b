"""The energy of a feature map, the heat map of the paper's Fig. 3."""

from collections.abc import Sequence

import tensorflow as tf


def attention_energy(features: tf.Tensor) -> tf.Tensor:
    """Returns the mean over channels of the squared features, scaled to [0, 1] in each image.

    Args:
        features: `(batch, height, width, channels)`.

    Returns:
        float32 `(batch, height, width)`; zeros for an image whose map is constant.
    """
    return unit_scale(_energy(features))


def _energy(features: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(tf.square(tf.cast(features, tf.float32)), axis=-1)


def mean_energy(maps: Sequence[tf.Tensor], scaled: bool = True) -> tf.Tensor:
    """Returns the mean of the `attention_energy` of feature maps, scaled to [0, 1] in each image.

    Energies are scaled before they are averaged, so that every classifier counts as much, however
    large its features are. Smaller maps are enlarged bilinearly to the largest, as a map is when it
    is shown.

    Args:
        maps: `(batch, height, width, channels)` each, of the same images; at least one.
        scaled: Whether to scale at all. Eight-bit integers can't divide by small differences.

    Returns:
        float32 `(batch, height, width)`. For one map, its `attention_energy`.
    """
    energy = attention_energy if scaled else _energy
    energies = [energy(features)[..., tf.newaxis] for features in maps]
    largest = [max(energy.shape[axis] for energy in energies) for axis in (1, 2)]
    enlarged = [tf.image.resize(energy, largest)[..., 0] for energy in energies]
    mean = tf.add_n(enlarged) / len(enlarged)
    return unit_scale(mean) if scaled else mean


def unit_scale(heat: tf.Tensor) -> tf.Tensor:
    """Scales heat maps `(batch, height, width)` to [0, 1] in each image; constant ones to zero."""
    low = tf.reduce_min(heat, axis=(1, 2), keepdims=True)
    high = tf.reduce_max(heat, axis=(1, 2), keepdims=True)
    return tf.math.divide_no_nan(heat - low, high - low)
