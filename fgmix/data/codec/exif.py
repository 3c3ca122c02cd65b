"""Reads the EXIF orientation of a file with TensorFlow operations. Malformed EXIF never fails."""

from collections.abc import Callable

import tensorflow as tf

from fgmix.data.codec.byte_ops import byte_values, read_uint, substring
from fgmix.data.codec.headers import JPEG, PNG, WEBP

MAX_BLOCKS = 512
"""The largest number of blocks to search for EXIF, which is usually among the first few. The limit
bounds the time for a hostile file."""

_EXIF_PREFIX = b"Exif\0\0"

# Describes a block of a file: whether it is EXIF, whether the search ends at it, the position and
# size of its payload, and the position of the next block.
_Block = tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]
_BlockReader = Callable[[tf.Tensor, tf.Tensor], _Block]


def read_orientation(data: tf.Tensor, kind: tf.Tensor) -> tf.Tensor:
    """Reads the orientation of an image.

    Args:
        data: Scalar string, the content of an image file.
        kind: The file's format, from `headers.read_kind`.

    Returns:
        int32 scalar, the EXIF orientation from 1 (as stored) to 8; 1 if there is none.
    """
    exif = tf.switch_case(
        kind,
        {
            JPEG: lambda: _find_exif(data, 2, _jpeg_segment),
            PNG: lambda: _find_exif(data, 8, _png_chunk),
            WEBP: lambda: _find_exif(data, 12, _webp_chunk),
        },
        default=lambda: tf.constant(b""),
    )
    return _parse_orientation(exif)


def _jpeg_segment(data: tf.Tensor, position: tf.Tensor) -> _Block:
    prefix, marker = tf.unstack(byte_values(data, position, 2))
    length = read_uint(data, position + 2, 2, little_endian=False)
    fill = marker == 0xFF
    is_exif = (marker == 0xE1) & (substring(data, position + 4, 6) == _EXIF_PREFIX)
    start_of_scan = marker == 0xDA
    malformed = (prefix != 0xFF) | (~fill & (length < 2))
    following = tf.where(fill, position + 1, position + 2 + length)
    return is_exif, start_of_scan | malformed, position + 4, length - 2, following


def _png_chunk(data: tf.Tensor, position: tf.Tensor) -> _Block:
    size = read_uint(data, position, 4, little_endian=False)
    kind = substring(data, position + 4, 4)
    return kind == b"eXIf", kind == b"IDAT", position + 8, size, position + 12 + size


def _webp_chunk(data: tf.Tensor, position: tf.Tensor) -> _Block:
    size = read_uint(data, position + 4, 4, little_endian=True)
    following = position + 8 + size + size % 2
    is_exif = substring(data, position, 4) == b"EXIF"
    return is_exif, tf.constant(False), position + 8, size, following


def _find_exif(data: tf.Tensor, start: int, read_block: _BlockReader) -> tf.Tensor:
    """Searches the blocks of a file from `start`; returns the EXIF payload, empty if none."""
    end = tf.cast(tf.strings.length(data), tf.int64)

    def step(position: tf.Tensor, _: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        is_exif, is_last, payload, size, following = read_block(data, position)
        payload_range = tf.where(is_exif & ~is_last, tf.stack([payload, size]), 0)
        return tf.where(is_exif | is_last, end, following), payload_range

    _, payload_range = tf.while_loop(
        lambda position, _: position < end,
        step,
        (tf.constant(start, tf.int64), tf.zeros([2], tf.int64)),
        maximum_iterations=MAX_BLOCKS,
    )
    return substring(data, payload_range[0], payload_range[1])


def _parse_orientation(exif: tf.Tensor) -> tf.Tensor:
    """Returns the orientation in an EXIF payload, int32 1 to 8; 1 if it has no valid one."""
    prefixed = substring(exif, 0, len(_EXIF_PREFIX)) == _EXIF_PREFIX
    tiff = substring(exif, tf.where(prefixed, len(_EXIF_PREFIX), 0), tf.strings.length(exif))
    little_endian = substring(tiff, 0, 4) == b"II*\0"
    known = little_endian | (substring(tiff, 0, 4) == b"MM\0*")
    directory = read_uint(tiff, 4, 4, little_endian)
    size = 12 * read_uint(tiff, directory, 2, little_endian)
    entries = tf.io.decode_raw(substring(tiff, directory + 2, size), tf.uint8)
    # An entry is six 16-bit words: tag, type, count (two words), value of a SHORT (type 3), unused.
    entries = tf.reshape(entries[: tf.size(entries) // 12 * 12], [-1, 6, 2])
    weights = tf.where(little_endian, [1, 256], [256, 1])
    words = tf.reduce_sum(tf.cast(entries, tf.int32) * weights, axis=-1)
    matches = known & (words[:, 0] == 0x0112) & (words[:, 1] == 3)
    value = tf.reduce_max(tf.where(matches, words[:, 4], 0))
    return tf.where((value >= 1) & (value <= 8), value, 1)
