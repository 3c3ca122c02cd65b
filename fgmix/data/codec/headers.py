"""Reads the format and size of an image file from its header, with TensorFlow operations.

Each size is read from the field that the format's decoder uses, so a file can't announce one size
here and decode to another.
"""

import tensorflow as tf

from fgmix.data.codec import bmp
from fgmix.data.codec.byte_ops import byte_values, read_uint, substring
from fgmix.data.codec.limits import MAX_PIXELS as MAX_PIXELS  # `headers.MAX_PIXELS`

JPEG, PNG, WEBP, BMP, GIF, UNKNOWN = range(6)


def read_kind(data: tf.Tensor) -> tf.Tensor:
    """Detects the format of a file from its first bytes.

    Args:
        data: Scalar string, the content of a file.

    Returns:
        int32 scalar: `JPEG`, `PNG`, `WEBP` (still images), `BMP`, `GIF` or `UNKNOWN`.
    """
    # Animated WebP is rejected: for animations without alpha, TensorFlow 2.21 writes past the end
    # of its buffer unless the number of channels is given, which WebP does not allow here.
    animated = (substring(data, 12, 4) == b"VP8X") & (byte_values(data, 20, 1)[0] & 0b10 != 0)
    signatures = [
        substring(data, 0, 3) == b"\xff\xd8\xff",
        substring(data, 0, 8) == b"\x89PNG\r\n\x1a\n",
        (substring(data, 0, 4) == b"RIFF") & (substring(data, 8, 4) == b"WEBP") & ~animated,
        substring(data, 0, 2) == b"BM",
        tf.reduce_any(substring(data, 0, 6) == [b"GIF87a", b"GIF89a"]),
        tf.constant(True),
    ]
    return tf.argmax(tf.stack(signatures), output_type=tf.int32)


def read_size(data: tf.Tensor, kind: tf.Tensor) -> tf.Tensor:
    """Reads the size that an image announces in its header.

    Args:
        data: Scalar string, the content of a file.
        kind: The file's format, from `read_kind`.

    Returns:
        int64 `[2]`, width and height in pixels, in either order; zeros for unknown formats and for
        GIF, whose size depends on its first frame (`gif.find_first_frame`).

    Raises:
        tf.errors.InvalidArgumentError: If a JPEG has no readable header.
    """
    return tf.switch_case(
        kind,
        {
            JPEG: lambda: tf.cast(tf.io.extract_jpeg_shape(data)[:2], tf.int64),
            PNG: lambda: _sides(data, (16, 20), 4, little_endian=False),
            WEBP: lambda: _webp_size(data),
            BMP: lambda: bmp.read_sides(data),
        },
        default=lambda: tf.zeros([2], tf.int64),
    )


def _sides(
    data: tf.Tensor, positions: tuple[int, int], size: int, little_endian: bool = True
) -> tf.Tensor:
    return tf.stack([read_uint(data, position, size, little_endian) for position in positions])


def _webp_size(data: tf.Tensor) -> tf.Tensor:
    # Lossy: 14 bits each after the frame's tag and start code; the upper two bits are a scale.
    lossy = _sides(data, (26, 28), 2) % 2**14
    # Lossless: two 14-bit numbers after the signature, stored minus one.
    packed = read_uint(data, 21, 4, little_endian=True)
    lossless = tf.stack([packed % 2**14, packed // 2**14 % 2**14]) + 1
    # Extended: the canvas size minus one. libwebp rejects images that differ from their canvas.
    extended = _sides(data, (24, 27), 3) + 1
    chunk = substring(data, 12, 4)
    sides = tf.where(chunk == b"VP8L", lossless, extended)
    return tf.where(chunk == b"VP8 ", lossy, sides)
