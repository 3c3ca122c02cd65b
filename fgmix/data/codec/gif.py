"""Cuts off all frames of a GIF but the first.

TensorFlow decodes all frames of a GIF, of any size, to return the first one. Without the cut, a
small file could make it allocate any amount of memory.
"""

import tensorflow as tf

from fgmix.data.codec.byte_ops import byte_values, read_uint, substring

MAX_BLOCKS = 1024
"""The largest number of blocks to walk one by one, which bounds the time for a hostile file."""

_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, b"\x3b"
_FULL = 255
"""The size that encoders give to all sub-blocks but the last."""


def keep_first_frame(data: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Cuts a GIF after its first frame.

    Args:
        data: Scalar string, the content of a GIF file.

    Returns:
        The content of a GIF with one frame, and the frame's width and height in pixels, int64
        `[2]`.

    Raises:
        tf.errors.InvalidArgumentError: If there is no complete frame.
    """
    screen = 13 + _table_size(byte_values(data, 10, 1)[0])
    frame, _ = _skip_extensions(data, screen, tf.constant(False))
    is_frame = byte_values(data, frame, 1)[0] == _IMAGE
    sides = tf.stack([read_uint(data, frame + offset, 2, little_endian=True) for offset in (5, 7)])
    # After the descriptor and its colour table come one byte (the code size) and the sub-blocks.
    codes = frame + 10 + _table_size(byte_values(data, frame + 9, 1)[0])
    end, ended = _skip_extensions(data, _skip_full(data, codes + 1), tf.constant(True))
    whole = tf.debugging.Assert(is_frame & ended, ["a GIF without a complete frame"])
    with tf.control_dependencies([whole]):
        return tf.strings.join([substring(data, 0, end), _TRAILER]), sides


def _table_size(flags: tf.Tensor) -> tf.Tensor:
    """Returns the size in bytes of the colour table that a descriptor's flags announce."""
    size = tf.bitwise.left_shift(3 * 2, flags & 0b111)
    return tf.cast(tf.where(flags & 0x80 != 0, size, 0), tf.int64)


def _skip_full(data: tf.Tensor, position: tf.Tensor) -> tf.Tensor:
    """Skips all consecutive full sub-blocks at once: a large frame has thousands of them."""
    rest = tf.io.decode_raw(substring(data, position, tf.strings.length(data)), tf.uint8)
    shorter = tf.concat([rest[:: _FULL + 1] != _FULL, [True]], axis=0)
    return position + (_FULL + 1) * tf.argmax(shorter)


def _skip_extensions(
    data: tf.Tensor, position: tf.Tensor, inside: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Skips sub-blocks up to and including the empty one, and the extensions that follow.

    Args:
        data: Scalar string.
        position: int64 scalar, the position to start at.
        inside: bool scalar, whether a sub-block starts there.

    Returns:
        The position after them, and whether the last chain of sub-blocks was terminated.
    """

    def step(position: tf.Tensor, inside: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        # An extension starts with two bytes, introducer and label.
        size = read_uint(data, position, 1, little_endian=True)
        return position + tf.where(inside, 1 + size, 2), ~inside | (size > 0)

    length = tf.cast(tf.strings.length(data), tf.int64)
    position, inside = tf.while_loop(
        lambda position, inside: (
            (position < length) & (inside | (byte_values(data, position, 1)[0] == _EXTENSION))
        ),
        step,
        (position, inside),
        maximum_iterations=MAX_BLOCKS,
    )
    return position, ~inside
