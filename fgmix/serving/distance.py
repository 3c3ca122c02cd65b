"""The distance of images from all classes, in the graph of an export.

`fgmix.models.class_means` defines it, and computes the same in NumPy.
"""

from collections.abc import Sequence

import tensorflow as tf

from fgmix.models.class_means import TINY, ClassMeans


def mean_distance(maps: Sequence[tf.Tensor], class_means: Sequence[ClassMeans]) -> tf.Tensor:
    """Returns how far images are from their nearest class, in the mean over feature maps.

    Every classifier measures in its own units (`ClassMeans.units`), so each counts as much.

    Args:
        maps: Attended feature maps, `(n, height, width, channels)` each, of the same images.
        class_means: Those of the classifier of each map.

    Returns:
        float32 `(n,)`, from 0.
    """
    each = [
        _nearest(means_of(features), means)
        for features, means in zip(maps, class_means, strict=True)
    ]
    return tf.add_n(each) / len(each)


def means_of(features: tf.Tensor) -> tf.Tensor:
    """Returns the means of feature maps over their positions, float32 `(n, channels)`."""
    return tf.reduce_mean(tf.cast(features, tf.float32), axis=[1, 2])


def _nearest(features: tf.Tensor, class_means: ClassMeans) -> tf.Tensor:
    rows = _of_length_1(tf.sign(features) * tf.sqrt(tf.abs(features)))
    means = class_means.means
    squares = tf.reduce_sum(rows**2, axis=1, keepdims=True) + (means**2).sum(axis=1)
    away = tf.sqrt(tf.maximum(squares - 2 * (rows @ means.T), 0.0))
    projected = _of_length_1((rows - class_means.center) @ class_means.projection)
    directions = class_means.directions
    turned = 1 - projected @ directions.T
    of_unit = 1 / class_means.units[0], 1 / class_means.units[1]
    nearest = tf.argmin(away * of_unit[0] + turned * of_unit[1], axis=1)
    # Of the nearest class from the differences themselves: those of nearly equal numbers above
    # have digits that are rounding alone, which depends on the batch.
    away = tf.sqrt(_squared(rows - tf.gather(means, nearest)))
    turned = _squared(projected - tf.gather(directions, nearest)) / 2
    return away * of_unit[0] + turned * of_unit[1]


def _squared(rows: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(rows**2, axis=1)


def _of_length_1(rows: tf.Tensor) -> tf.Tensor:
    return rows * tf.math.rsqrt(tf.reduce_sum(rows**2, axis=1, keepdims=True) + TINY)
