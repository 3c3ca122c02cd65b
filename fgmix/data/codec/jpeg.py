"""Adds to a JPEG what its decoder would otherwise guess."""

import tensorflow as tf

from fgmix.data.codec.byte_ops import substring

_ADOBE = b"\xff\xee\0\x0eAdobe\0d\0\0\0\0\0"
"""The segment with which Adobe's programs mark CMYK whose values are inverted."""


def with_adobe_marker(data: tf.Tensor) -> tf.Tensor:
    """Returns the content of a JPEG, marked as Adobe's if it has four components.

    Practically all CMYK files are inverted, whether they say so or not, and Pillow and browsers
    read all of them so. A marker of the file's own comes later and counts.
    """
    return tf.cond(
        tf.io.extract_jpeg_shape(data)[2] == 4,
        lambda: tf.strings.join(
            [substring(data, 0, 2), _ADOBE, substring(data, 2, tf.strings.length(data))]
        ),
        lambda: data,
    )
