"""Reads the orientation of an image from its EXIF, or else its XMP, with TensorFlow operations.

Malformed metadata never fails.
"""

from collections.abc import Callable

import tensorflow as tf

from fgmix.data.codec.byte_ops import FILE, apart, byte_values, read_uint, substring
from fgmix.data.codec.headers import JPEG, PNG, WEBP
from fgmix.data.codec.png_text import exif_of_text, is_metadata, read_text

MAX_BLOCKS = 512
"""The largest number of blocks to search, of which the first few usually hold the metadata. The
limit bounds the time for a hostile file."""

_APPLICATION_DATA = b"\xff\xe1"
"""The marker of a JPEG's segments that may hold EXIF or XMP."""
_EXIF_PREFIX = b"Exif\0\0"
_XMP_PREFIX = b"http://ns.adobe.com/xap/1.0/\0"
_XMP_ORIENTATION = b"tiff:Orientation"
_STARTS = [b"II*\0", b"MM\0*", b"II\0*", b"MM*\0"]
"""Of a TIFF block; some cameras write the number 42 in the other byte order."""
_SHORT, _LONG = 3, 4
_TYPE_SIZES = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 0]
"""The bytes of a value of each type; 0 for those that TIFF does not have."""

# Describes a block of a file: whether it is EXIF, whether it is XMP, whether the search ends at it,
# the position and size of its payload, and the position of the next block.
_Block = tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]
_BlockReader = Callable[[tf.Tensor, tf.Tensor], _Block]


def read_orientation(data: tf.Tensor, kind: tf.Tensor) -> tf.Tensor:
    """Reads the orientation of an image.

    Args:
        data: Scalar string, the content of an image file.
        kind: The file's format, from `headers.read_kind`.

    Returns:
        int32 scalar, the orientation from 1 (as stored) to 8; 1 if there is none. If EXIF has one,
        valid or not, that of XMP does not count.
    """
    exif, xmp = tf.switch_case(
        kind,
        {
            # Most photos on the web have no metadata: then their segments are not walked.
            JPEG: lambda: tf.cond(_has_application_data(data), lambda: _of_jpeg(data), _nothing),
            PNG: lambda: _of_png(data),
            WEBP: lambda: _of_webp(data),
        },
        default=_nothing,
    )
    found = (exif != b"") | (xmp != b"")
    return tf.cond(found, lambda: _orientation(exif, xmp, kind), lambda: tf.constant(1))


def _nothing() -> tuple[tf.Tensor, tf.Tensor]:
    return tf.constant(b""), tf.constant(b"")


def _has_application_data(data: tf.Tensor) -> tf.Tensor:
    """Returns whether the bytes that begin EXIF and XMP in a JPEG occur anywhere in a file."""
    pieces = tf.raw_ops.StringSplitV2(input=data[tf.newaxis], sep=_APPLICATION_DATA, maxsplit=1)
    return tf.size(pieces.values) > 1


@apart(input_signature=FILE)
def _of_jpeg(data: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    return _find_metadata(data, 2, _jpeg_segment)


@apart(input_signature=FILE)
def _of_png(data: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    return _find_metadata(data, 8, _png_chunk)


@apart(input_signature=FILE)
def _of_webp(data: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    return _find_metadata(data, 12, _webp_chunk)


@apart(input_signature=[*FILE, *FILE, tf.TensorSpec([], tf.int32)])
def _orientation(exif: tf.Tensor, xmp: tf.Tensor, kind: tf.Tensor) -> tf.Tensor:
    """Returns the orientation in EXIF, or else in XMP, of a file of a kind; int32."""
    is_text = (kind == PNG) & (xmp != b"")
    exif, xmp = tf.cond(is_text, lambda: _read_png_text(exif, xmp), lambda: (exif, xmp))
    value = _orientation_in_exif(exif)
    value = tf.cond((value == 0) & (xmp != b""), lambda: _orientation_in_xmp(xmp), lambda: value)
    return tf.cast(tf.where((value >= 1) & (value <= 8), value, 1), tf.int32)


def _jpeg_segment(data: tf.Tensor, position: tf.Tensor) -> _Block:
    prefix, marker = tf.unstack(byte_values(data, position, 2))
    length = read_uint(data, position + 2, 2, little_endian=False)
    fill = marker == 0xFF
    head = substring(data, position + 4, len(_XMP_PREFIX))
    is_metadata = marker == 0xE1
    is_exif = is_metadata & (tf.strings.substr(head, 0, len(_EXIF_PREFIX)) == _EXIF_PREFIX)
    is_xmp = is_metadata & (head == _XMP_PREFIX)
    start_of_scan = marker == 0xDA
    malformed = (prefix != 0xFF) | (~fill & (length < 2))
    following = tf.where(fill, position + 1, position + 2 + length)
    start = 4 + len(_EXIF_PREFIX)
    size = tf.maximum(length - start + 2, 0)
    return is_exif, is_xmp, start_of_scan | malformed, position + start, size, following


def _png_chunk(data: tf.Tensor, position: tf.Tensor) -> _Block:
    size = read_uint(data, position, 4, little_endian=False)
    kind = substring(data, position + 4, 4)
    following = tf.cond(
        kind == b"IDAT",
        lambda: _skip_equal_chunks(data, position, size),
        lambda: position + 12 + size,
    )
    is_exif, is_text = kind == b"eXIf", is_metadata(data, position, kind)
    # The type of a text tells how to read it.
    start = tf.where(is_text, tf.constant(4, tf.int64), 8)
    return is_exif, is_text, kind == b"IEND", position + start, size + 8 - start, following


def _skip_equal_chunks(data: tf.Tensor, position: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Skips chunks of the same kind and size at once: a large PNG has thousands of them."""
    stride = 12 + size
    rest = tf.io.decode_raw(substring(data, position, tf.strings.length(data)), tf.uint8)
    count = tf.size(rest, out_type=tf.int64) // stride
    heads = tf.reshape(rest[: count * stride], tf.stack([count, stride]))[:, :8]
    first = tf.cast(byte_values(data, position, 8), tf.uint8)
    other = tf.concat([tf.reduce_any(heads != first, axis=1), [True]], axis=0)
    # A chunk that is larger than the rest of the file, by what it announces, ends it.
    return position + stride * tf.maximum(tf.argmax(other), 1)


def _read_png_text(exif: tf.Tensor, chunk: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns EXIF and XMP of a PNG, given its EXIF chunk and its text with either."""
    text = read_text(chunk)
    is_xmp = substring(chunk, 0, 4) == b"iTXt"
    found = tf.cond(is_xmp | (exif != b""), lambda: exif, lambda: exif_of_text(text))
    return found, tf.where(is_xmp, text, b"")


def _webp_chunk(data: tf.Tensor, position: tf.Tensor) -> _Block:
    size = read_uint(data, position + 4, 4, little_endian=True)
    following = position + 8 + size + size % 2
    # Only the extended form has other chunks, and it announces them.
    extended = substring(data, 12, 4) == b"VP8X"
    flags, kind = byte_values(data, 20, 1)[0], substring(data, position, 4)
    is_exif = extended & (flags & 0x08 != 0) & (kind == b"EXIF")
    is_xmp = extended & (flags & 0x04 != 0) & (kind == b"XMP ")
    return is_exif, is_xmp, tf.constant(False), position + 8, size, following


def _find_metadata(
    data: tf.Tensor, start: int, read_block: _BlockReader
) -> tuple[tf.Tensor, tf.Tensor]:
    """Searches the blocks of a file from `start` for EXIF and XMP; returns each, empty if none.

    EXIF that is too large for one block goes on in the next. Of several XMP, the last counts.
    """
    end = tf.cast(tf.strings.length(data), tf.int64)

    def step(
        position: tf.Tensor, exif: tf.Tensor, xmp: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        is_exif, is_xmp, is_last, payload, size, following = read_block(data, position)
        block = substring(data, payload, tf.where((is_exif | is_xmp) & ~is_last, size, 0))
        exif = tf.strings.join([exif, tf.where(is_exif, block, b"")])
        return tf.where(is_last, end, following), exif, tf.where(is_xmp, block, xmp)

    nothing = tf.constant(b"")
    _, exif, xmp = tf.while_loop(
        lambda position, *_: position < end,
        step,
        (tf.constant(start, tf.int64), nothing, nothing),
        maximum_iterations=MAX_BLOCKS,
    )
    return exif, xmp


def _orientation_in_exif(exif: tf.Tensor) -> tf.Tensor:
    """Returns the orientation in an EXIF payload, int64; 0 if it has none, 1 if it is malformed."""
    prefixed = substring(exif, 0, len(_EXIF_PREFIX)) == _EXIF_PREFIX
    tiff = substring(exif, tf.where(prefixed, len(_EXIF_PREFIX), 0), tf.strings.length(exif))
    little_endian = substring(tiff, 0, 2) == b"II"
    known = tf.reduce_any(substring(tiff, 0, 4) == _STARTS)
    directory = read_uint(tiff, 4, 4, little_endian)
    size = 12 * read_uint(tiff, directory, 2, little_endian)
    entries = tf.io.decode_raw(substring(tiff, directory + 2, size), tf.uint8)
    # An entry is six 16-bit words: tag, type, count (two words), value (one word or two).
    entries = tf.reshape(entries[: tf.size(entries) // 12 * 12], [-1, 6, 2])
    weights = tf.where(little_endian, [1, 256], [256, 1])
    words = tf.reduce_sum(tf.cast(entries, tf.int32) * weights, axis=-1)
    counts, values = (_join(words[:, i], words[:, i + 1], little_endian) for i in (2, 4))
    is_short = (words[:, 1] == _SHORT) & (counts >= 1) & (counts <= 2)  # two fit in here
    is_long = (words[:, 1] == _LONG) & (counts == 1)
    kinds = tf.minimum(words[:, 1], len(_TYPE_SIZES) - 1)
    sizes = counts * tf.gather(tf.constant(_TYPE_SIZES, tf.int64), kinds)
    named = known & (words[:, 0] == 0x0112) & (sizes > 0)
    # At an entry whose value lies past the end, Pillow stops.
    lost = (sizes > 4) & (values + sizes > tf.cast(tf.strings.length(tiff), tf.int64))
    named &= tf.cumsum(tf.cast(lost, tf.int32)) == 0
    values = tf.where(is_short, tf.cast(words[:, 4], tf.int64), values)
    values = tf.where((values >= 1) & (values <= 8), values, 1)
    # If there are several, the last counts.
    default = tf.cast(tf.reduce_any(named), tf.int64)
    return tf.concat([[default], tf.boolean_mask(values, named & (is_short | is_long))], axis=0)[-1]


def _orientation_in_xmp(xmp: tf.Tensor) -> tf.Tensor:
    """Returns the first orientation in XMP, an attribute or an element; int64, 1 if it has none."""
    after = tf.strings.split(xmp, _XMP_ORIENTATION)[1:]
    first, second, third = tf.unstack(tf.io.decode_raw(after, tf.uint8, fixed_length=3), axis=1)
    is_attribute = (first == ord("=")) & (second == ord('"'))
    digits = tf.cast(tf.where(is_attribute, third, second), tf.int64) - ord("0")
    valid = (is_attribute | (first == ord(">"))) & (digits >= 0) & (digits <= 9)
    return tf.concat([tf.boolean_mask(digits, valid), [1]], axis=0)[0]


def _join(first: tf.Tensor, second: tf.Tensor, little_endian: tf.Tensor) -> tf.Tensor:
    """Joins pairs of 16-bit words to 32-bit numbers, int64."""
    first, second = tf.cast(first, tf.int64), tf.cast(second, tf.int64)
    return tf.where(little_endian, first + 2**16 * second, 2**16 * first + second)
