"""Cuts off all frames of a GIF but the first, and places that on the screen.

TensorFlow decodes all frames of a GIF, of any size, to return the first one. Without the cut, a
small file could make it allocate any amount of memory. It also returns an image of the frame's
size, with the frame shifted by its position on the screen, and so in part lost.
"""

from typing import NamedTuple

import tensorflow as tf

from fgmix.data.codec.byte_ops import byte_values, read_uint, substring

MAX_BLOCKS = 1024
"""The largest number of blocks to walk one by one, which bounds the time for a hostile file."""

_EXTENSION, _CONTROL, _IMAGE, _TRAILER = 0x21, 0xF9, 0x2C, b"\x3b"
_FULL = 255
"""The size that encoders give to all sub-blocks but the last."""


class Frame(NamedTuple):
    """The first frame of a GIF.

    Attributes:
        content: The content of a GIF with this frame alone, in the screen's corner.
        screen: int64 `[2]`, width and height of the whole image, at least up to the frame's end.
        corner: int64 `[2]`, left and top of the frame in it.
        colour: uint8 `[3]`, the colour around the frame.
    """

    content: tf.Tensor
    screen: tf.Tensor
    corner: tf.Tensor
    colour: tf.Tensor


def find_first_frame(data: tf.Tensor) -> Frame:
    """Finds the first frame of a GIF.

    Args:
        data: Scalar string, the content of a GIF file.

    Raises:
        tf.errors.InvalidArgumentError: If there is no complete frame.
    """
    shared = _table_size(byte_values(data, 10, 1)[0])
    frame, _, transparent = _skip_extensions(data, 13 + shared, tf.constant(False))
    is_frame = byte_values(data, frame, 1)[0] == _IMAGE
    own = _table_size(byte_values(data, frame + 9, 1)[0])
    # After the descriptor and its colour table come one byte (the code size) and the sub-blocks.
    codes = frame + 10 + own
    end, ended, _ = _skip_extensions(data, _skip_full(data, codes + 1), tf.constant(True))
    whole = tf.debugging.Assert(is_frame & ended, ["a GIF without a complete frame"])
    with tf.control_dependencies([whole]):
        head, tail = substring(data, 0, frame + 1), substring(data, frame + 5, end - frame - 5)
        content = tf.strings.join([head, bytes(4), tail, _TRAILER])
    corner, sides = _pair(data, frame + 1), _pair(data, frame + 5)
    # Around the frame, pixels are transparent, so black, or have the first colour, as in Pillow.
    table = tf.where(own > 0, frame + 10, 13)
    first = byte_values(data, table, 3)
    colour = tf.where((own + shared > 0) & ~transparent, first, 0)
    screen = tf.maximum(_pair(data, 6), corner + sides)
    return Frame(content, screen, corner, tf.cast(colour, tf.uint8))


def place_on_screen(image: tf.Tensor, frame: Frame) -> tf.Tensor:
    """Returns the whole image of a GIF, given its decoded first frame, uint8 `[h, w, 3]`."""
    before = tf.cast(frame.corner[::-1], tf.int32)
    after = tf.cast(frame.screen[::-1], tf.int32) - before - tf.shape(image)[:2]

    def pad() -> tf.Tensor:
        margins = tf.stack([tf.concat([before, [0]], 0), tf.concat([after, [0]], 0)], axis=1)
        inside = tf.pad(tf.ones(tf.shape(image)[:2], tf.bool), margins[:2])
        return tf.where(inside[..., tf.newaxis], tf.pad(image, margins), frame.colour)

    return tf.cond(tf.reduce_any(before + after > 0), pad, lambda: image)


def _pair(data: tf.Tensor, position: tf.Tensor | int) -> tf.Tensor:
    """Reads two numbers of 16 bits, int64 `[2]`."""
    return tf.stack([read_uint(data, position + i, 2, little_endian=True) for i in (0, 2)])


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
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Skips sub-blocks up to and including the empty one, and the extensions that follow.

    Args:
        data: Scalar string.
        position: int64 scalar, the position to start at.
        inside: bool scalar, whether a sub-block starts there.

    Returns:
        The position after them, whether the last chain of sub-blocks was terminated, and whether an
        extension gives a transparent colour.
    """

    def step(
        position: tf.Tensor, inside: tf.Tensor, transparent: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        # An extension starts with two bytes, introducer and label; a size and flags may follow.
        first, label, _, flags = tf.unstack(byte_values(data, position, 4))
        transparent |= ~inside & (label == _CONTROL) & (flags & 1 != 0)
        size = tf.cast(first, tf.int64)
        return position + tf.where(inside, 1 + size, 2), ~inside | (size > 0), transparent

    length = tf.cast(tf.strings.length(data), tf.int64)
    position, inside, transparent = tf.while_loop(
        lambda position, inside, transparent: (
            (position < length) & (inside | (byte_values(data, position, 1)[0] == _EXTENSION))
        ),
        step,
        (position, inside, tf.constant(False)),
        maximum_iterations=MAX_BLOCKS,
    )
    return position, ~inside, transparent
