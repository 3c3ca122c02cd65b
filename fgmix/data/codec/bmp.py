"""Decodes BMP files with TensorFlow operations.

TensorFlow's own decoder ignores colour masks, palettes and most headers. This one reads what Pillow
reads, and any contiguous masks; it refuses compressed pixels. Run-length encoding, which Pillow
reads, is rare, and would take a loop over its runs, each of which starts where the last one ended.
"""

from typing import NamedTuple

import tensorflow as tf

from fgmix.data.codec.byte_ops import FILE, apart, byte_values, read_uint, substring
from fgmix.data.codec.limits import BMP_HEADER_SIZES

UNSUPPORTED = "a BMP of an unusual kind: save it as PNG"

_FILE_HEADER = 14
_MASKS = _FILE_HEADER + 40
"""Where colour masks stand: in the second header, or right behind the shortest that has them."""


class _Header(NamedTuple):
    """The fields of a BMP's headers, int64 scalars."""

    size: tf.Tensor
    width: tf.Tensor
    height: tf.Tensor
    top_down: tf.Tensor
    bits: tf.Tensor
    compression: tf.Tensor
    colours: tf.Tensor
    start: tf.Tensor


@apart(input_signature=FILE)
def read_sides(data: tf.Tensor) -> tf.Tensor:
    """Returns the width and height of a BMP, int64 `[2]`."""
    header = _read_header(data)
    return tf.stack([header.width, header.height])


@apart(input_signature=FILE)
def decode_bmp(data: tf.Tensor) -> tf.Tensor:
    """Decodes a BMP to RGB; alpha is dropped.

    Args:
        data: Scalar string, the content of a BMP whose size has been checked.

    Returns:
        uint8 tensor of shape [height, width, 3].

    Raises:
        tf.errors.InvalidArgumentError: If pixels are missing, or it is compressed or has another
            number of bits, another header or split colour masks.
    """
    header = _read_header(data)
    masks = _colour_masks(data, header)
    lows, widths = _bit_ranges(masks)
    # Run-length encoded pixels, and JPEG or PNG inside a BMP, have other values.
    plain = (header.compression == 0) | ((header.compression == 3) & (header.bits > 8))
    known = tf.reduce_any(
        header.bits == tf.constant([1, 4, 8, 16, 24, 32], tf.int64)
    ) & tf.reduce_any(header.size == tf.constant(BMP_HEADER_SIZES, tf.int64))
    one = tf.constant(1, tf.int64)
    filled = tf.bitwise.left_shift(tf.bitwise.left_shift(one, widths) - 1, lows)
    contiguous = tf.reduce_all(masks == filled)
    row_bytes = (header.width * header.bits + 7) // 8
    stride = (row_bytes + 3) // 4 * 4
    # The last row may lack the bytes that fill it up to a multiple of four.
    end = header.start + stride * (header.height - 1) + row_bytes
    whole = (tf.reduce_min([header.width, header.height]) > 0) & (
        end <= tf.cast(tf.strings.length(data), tf.int64)
    )
    checks = [
        tf.debugging.Assert(plain & known & contiguous, [UNSUPPORTED]),
        tf.debugging.Assert(whole, ["a truncated BMP"]),
    ]
    with tf.control_dependencies(checks):
        size = stride * header.height
        raw = tf.io.decode_raw(substring(data, header.start, size), tf.uint8)
        raw = tf.pad(raw, [[0, size - tf.size(raw, out_type=tf.int64)]])
        rows = tf.reshape(raw, tf.stack([header.height, stride]))
    image = tf.cond(
        header.bits <= 8,
        lambda: _look_up(data, header, rows),
        lambda: _split_channels(header, rows[:, :row_bytes], lows, widths),
    )
    return tf.cond(header.top_down, lambda: image, lambda: tf.reverse(image, [0]))


def _either(condition: tf.Tensor, yes: tf.Tensor | int, no: tf.Tensor | int) -> tf.Tensor:
    return tf.where(condition, tf.cast(yes, tf.int64), tf.cast(no, tf.int64))


def _read_header(data: tf.Tensor) -> _Header:
    def field(position: int, size: int = 4) -> tf.Tensor:
        return read_uint(data, position, size, little_endian=True)

    size = field(14)
    short = size == 12
    height = field(22)
    top_down = ~short & (height >= 2**31)
    bits = _either(short, field(24, 2), field(28, 2))
    colours = _either(short, 0, field(46))
    all_colours = tf.bitwise.left_shift(tf.constant(1, tf.int64), tf.minimum(bits, 8))
    colours = _either(colours == 0, all_colours, colours)
    compression = _either(short, 0, field(30))
    table_end = _FILE_HEADER + size + _either(short, 3, 4) * colours
    pixels = _FILE_HEADER + size + _either((size == 40) & (compression == 3), 12, 0)
    start = field(10)
    # Some writers leave the offset out, or give that of the palette.
    start = _either((start == _FILE_HEADER + size) & (bits <= 8), table_end, start)
    start = _either(start == 0, _either(bits <= 8, table_end, pixels), start)
    return _Header(
        size=size,
        width=_either(short, field(18, 2), field(18)),
        height=_either(short, field(20, 2), _either(top_down, 2**32 - height, height)),
        top_down=top_down,
        bits=bits,
        compression=compression,
        colours=colours,
        start=start,
    )


def _colour_masks(data: tf.Tensor, header: _Header) -> tf.Tensor:
    """Returns the masks of red, green and blue, int64 `[3]`."""
    given = tf.stack([read_uint(data, _MASKS + 4 * i, 4, little_endian=True) for i in range(3)])
    usual = tf.where(
        header.bits == 16,
        tf.constant([0x7C00, 0x3E0, 0x1F], tf.int64),
        tf.constant([0xFF0000, 0xFF00, 0xFF], tf.int64),
    )
    return tf.where((header.compression == 3) & tf.reduce_any(given > 0), given, usual)


def _bit_ranges(masks: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the lowest bit and the number of bits of each mask, int64 `[3]`."""
    bits = tf.bitwise.right_shift(masks[:, tf.newaxis], tf.range(32, dtype=tf.int64)) & 1
    return tf.argmax(bits, axis=1), tf.reduce_sum(bits, axis=1)


def _look_up(data: tf.Tensor, header: _Header, rows: tf.Tensor) -> tf.Tensor:
    """Looks up the indices of 1, 4 or 8 bits in rows of bytes."""
    bits = tf.cast(header.bits, tf.uint8)
    shifts = tf.range(8 - tf.cast(bits, tf.int32), -1, -tf.cast(bits, tf.int32))
    rows = tf.bitwise.right_shift(rows[..., tf.newaxis], tf.cast(shifts, tf.uint8))
    rows = rows & tf.cast(tf.bitwise.left_shift(1, tf.cast(bits, tf.int32)) - 1, tf.uint8)
    indices = tf.reshape(rows, tf.stack([header.height, -1]))[:, : header.width]
    # An entry has blue, green and red, and in all but the shortest header an unused byte.
    short = header.size == 12
    start = _FILE_HEADER + header.size
    entries = tf.reshape(byte_values(data, start, 4 * 256), [256, 4])
    triples = tf.reshape(byte_values(data, start, 3 * 256), [256, 3])
    table = tf.where(short, triples, entries[:, :3])[:, ::-1]
    table = tf.where(tf.range(256, dtype=tf.int64)[:, tf.newaxis] < header.colours, table, 0)
    return tf.gather(tf.cast(table, tf.uint8), tf.cast(indices, tf.int32))


def _split_channels(
    header: _Header, rows: tf.Tensor, lows: tf.Tensor, widths: tf.Tensor
) -> tf.Tensor:
    """Splits pixels of 16, 24 or 32 bits by their masks."""
    size = header.bits // 8
    shape = tf.stack([header.height, header.width, size])
    pixels = tf.reshape(rows, shape)

    def whole_bytes() -> tf.Tensor:
        return tf.gather(pixels, lows // 8, axis=-1)

    def any_bits() -> tf.Tensor:
        padded = tf.pad(pixels, [[0, 0], [0, 0], [0, 4 - size]])
        words = tf.bitcast(tf.ensure_shape(padded, [None, None, 4]), tf.uint32)

        def channel(low: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
            # Of more than eight bits, the highest eight.
            kept = tf.minimum(width, 8)
            shifted = tf.bitwise.right_shift(words, tf.cast(low + width - kept, tf.uint32))
            largest = tf.bitwise.left_shift(tf.constant(1, tf.int64), kept) - 1
            value = tf.cast(shifted & tf.cast(largest, tf.uint32), tf.int32)
            scaled = value * 255 // tf.cast(tf.maximum(largest, 1), tf.int32)
            return tf.cast(scaled, tf.uint8)

        return tf.stack([channel(lows[i], widths[i]) for i in range(3)], axis=-1)

    return tf.cond(tf.reduce_all((lows % 8 == 0) & (widths == 8)), whole_bytes, any_bits)
