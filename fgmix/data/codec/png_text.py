"""Reads metadata out of the text chunks of a PNG with TensorFlow operations.

Some programs put EXIF into a text chunk, as hexadecimal digits, and any text may be compressed.
"""

import tensorflow as tf

from fgmix.data.codec.byte_ops import substring

MAX_COMPRESSED = 2**18
"""The largest compressed text in bytes that is read. The limit bounds the memory for a hostile
file: a byte can become a thousand."""

XMP = b"XML:com.adobe.xmp\0"
EXIF = b"Raw profile type exif\0"

_BYTES = [bytes([value]) for value in range(256)]


def is_metadata(data: tf.Tensor, position: tf.Tensor, kind: tf.Tensor) -> tf.Tensor:
    """Returns whether the chunk at a position of a PNG is a text with XMP or EXIF.

    Args:
        data: Scalar string, the content of a PNG.
        position: int64 scalar, where the chunk starts.
        kind: Scalar string, the chunk's type.
    """
    name = substring(data, position + 8, len(EXIF))
    is_xmp = (kind == b"iTXt") & (tf.strings.substr(name, 0, len(XMP)) == XMP)
    return is_xmp | (((kind == b"zTXt") | (kind == b"tEXt")) & (name == EXIF))


def read_text(chunk: tf.Tensor) -> tf.Tensor:
    """Returns the text of a chunk that `is_metadata`, decompressed; empty if it is malformed.

    Args:
        chunk: Scalar string, the type of the chunk and its payload.
    """
    kind, end = substring(chunk, 0, 4), tf.strings.length(chunk)
    # Behind the keyword, iTXt has flag, method, language, translated keyword and text; zTXt has
    # method and text; tEXt has the text.
    flag = substring(chunk, 4 + len(XMP), 1)
    fields = tf.strings.split(substring(chunk, 4 + len(XMP) + 2, end), b"\0", 2)
    plain = substring(chunk, 4 + len(EXIF) + tf.cast(kind == b"zTXt", tf.int32), end)
    text = tf.where(kind == b"iTXt", tf.concat([fields, [b"", b"", b""]], axis=0)[2], plain)
    compressed = (kind == b"zTXt") | ((kind == b"iTXt") & (flag != b"\0"))
    size = tf.strings.length(text)
    return tf.cond(
        compressed & (size > 0) & (size <= MAX_COMPRESSED),
        lambda: _decompress(text),
        lambda: tf.where(compressed, b"", text),
    )


def _decompress(text: tf.Tensor) -> tf.Tensor:
    """Returns a zlib stream decompressed; empty if it is damaged, as Pillow reads it."""

    @tf.autograph.experimental.do_not_convert
    def inflate(stream: tf.Tensor) -> tf.Tensor:
        return tf.io.decode_compressed(stream, "ZLIB")

    # A failing operation makes the whole graph fail, except inside a dataset.
    whole = tf.data.Dataset.from_tensors(text).map(inflate).ignore_errors()
    nothing = tf.data.Dataset.from_tensors(tf.constant(b""))
    options = tf.data.Options()
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    return whole.concatenate(nothing).take(1).with_options(options).get_single_element()


def exif_of_text(text: tf.Tensor) -> tf.Tensor:
    """Returns the EXIF in a text: three lines of description, then lines of hexadecimal digits."""
    digits = tf.strings.reduce_join(tf.strings.split(text, b"\n")[3:])
    codes = tf.cast(tf.io.decode_raw(digits, tf.uint8), tf.int32)
    values = tf.where(codes <= ord("9"), codes - ord("0"), codes % 32 + 9) % 16
    pairs = tf.reshape(values[: tf.size(values) // 2 * 2], [-1, 2])
    return tf.strings.reduce_join(tf.gather(tf.constant(_BYTES), 16 * pairs[:, 0] + pairs[:, 1]))
