"""What an image file says of itself before its pixels, read by TensorFlow operations alone.

Each size is read where the decoder of the format reads it, so that no file can show one size here
and another there.
"""

import tensorflow as tf

from fgmix.data.codec.byte_ops import byte_values, read_uint, substring

MAX_PIXELS = 100_000_000
"""The largest image that is decoded. As pixels it takes 300 MB, and every core decodes one at a
time; cameras for small objects, birds or cars stay far below."""

JPEG, PNG, WEBP, BMP, GIF, UNKNOWN = range(6)


def read_kind(data: tf.Tensor) -> tf.Tensor:
    """Tells the format of a file from its first bytes.

    Args:
        data: Scalar string, the content of a file.

    Returns:
        int32 scalar: `JPEG`, `PNG`, `WEBP` (a still one), `BMP`, `GIF` or `UNKNOWN`.
    """
    # Animations are refused because TensorFlow 2.21 writes past the end of its buffer for one
    # without alpha if the number of channels is left open, as it has to be for WebP.
    animated = (substring(data, 12, 4) == b"VP8X") & (byte_values(data, 20, 1)[0] & 0b10 != 0)
    signatures = [
        substring(data, 0, 3) == b"\xff\xd8\xff",
        substring(data, 0, 8) == b"\x89PNG\r\n\x1a\n",
        (substring(data, 0, 4) == b"RIFF") & (substring(data, 8, 4) == b"WEBP") & ~animated,
        substring(data, 0, 2) == b"BM",
        substring(data, 0, 4) == b"GIF8",
        tf.constant(True),
    ]
    return tf.argmax(tf.stack(signatures), output_type=tf.int32)


def read_size(data: tf.Tensor, kind: tf.Tensor) -> tf.Tensor:
    """Reads an image's announced size.

    Args:
        data: Scalar string, the content of a file.
        kind: From `read_kind`. A GIF's frames have sizes of their own: `gif.keep_first_frame`.

    Returns:
        int64 `[2]`, the two sides in pixels, in no fixed order; zeros for GIF and unknown formats.

    Raises:
        tf.errors.InvalidArgumentError: If a JPEG has no readable header.
    """
    return tf.switch_case(
        kind,
        {
            JPEG: lambda: tf.cast(tf.io.extract_jpeg_shape(data)[:2], tf.int64),
            PNG: lambda: _sides(data, (16, 20), 4, little_endian=False),
            WEBP: lambda: _webp_size(data),
            BMP: lambda: _bmp_size(data),
        },
        default=lambda: tf.zeros([2], tf.int64),
    )


def _sides(
    data: tf.Tensor, positions: tuple[int, int], size: int, little_endian: bool = True
) -> tf.Tensor:
    return tf.stack([read_uint(data, position, size, little_endian) for position in positions])


def _bmp_size(data: tf.Tensor) -> tf.Tensor:
    # Signed: a negative height tells that the rows are stored from the top.
    sides = _sides(data, (18, 22), 4)
    return tf.where(sides < 2**31, sides, 2**32 - sides)


def _webp_size(data: tf.Tensor) -> tf.Tensor:
    # Lossy: 14 bits each behind the frame's tag and start code, with two bits for scaling above.
    lossy = _sides(data, (26, 28), 2) % 2**14
    # Lossless: two numbers of 14 bits, less one, behind the signature.
    packed = read_uint(data, 21, 4, little_endian=True)
    lossless = tf.stack([packed % 2**14, packed // 2**14 % 2**14]) + 1
    # Extended: the canvas, less one. libwebp refuses a picture of another size than its canvas.
    extended = _sides(data, (24, 27), 3) + 1
    chunk = substring(data, 12, 4)
    sides = tf.where(chunk == b"VP8L", lossless, extended)
    return tf.where(chunk == b"VP8 ", lossy, sides)
