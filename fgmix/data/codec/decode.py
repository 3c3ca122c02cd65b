"""Decodes image files to tensors.

Training, evaluation, prediction and exported models all read images through this module, so a model
sees the same pixels everywhere. It uses TensorFlow operations only, so its functions can be mapped
over a dataset, traced in a `tf.function` and saved in a SavedModel.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from fgmix.data.codec import gif, headers
from fgmix.data.codec.bmp import decode_bmp
from fgmix.data.codec.byte_ops import FILE, apart
from fgmix.data.codec.exif import read_orientation
from fgmix.data.codec.jpeg import with_adobe_marker
from fgmix.data.codec.resize import resize_image

MARGIN = 16
"""Extra columns to decode on both sides of a part of a JPEG: one 16-pixel block."""
PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
"""The last chunk of a PNG."""
RATIOS = (1, 2, 4, 8)
"""The factors by which libjpeg can reduce the sides of an image while decoding."""

Choose = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
"""`(shape) -> (low, high)`: chooses a part of an image; see `decode_part`."""


def decode_image(image_bytes: tf.Tensor, crop_bottom: int = 0) -> tf.Tensor:
    """Decodes the bytes of an image file to upright RGB pixels.

    Supports JPEG of 8 bits, PNG, BMP that is not compressed, GIF (first frame) and still WebP. The
    alpha channel is dropped without blending, except that transparent pixels of a GIF are black.
    16-bit samples are reduced to their high byte. The orientation in EXIF, or else in XMP, is
    applied to JPEG, WebP and PNG; if it is missing or malformed, it is ignored. `diagnose` names
    what is not supported.

    Args:
        image_bytes: Scalar string, the content of the file.
        crop_bottom: Pixel rows to remove from the bottom of the upright image. An image with no
            more rows than this keeps all of them.

    Returns:
        uint8 tensor of shape [height, width, 3], values 0 to 255.

    Raises:
        ValueError: If `crop_bottom` is negative.
        tf.errors.InvalidArgumentError: If the bytes are not a complete image in one of these
            formats, or announce more than `headers.MAX_PIXELS` pixels.
    """
    if crop_bottom < 0:
        raise ValueError(f"crop_bottom must not be negative, got {crop_bottom}")
    data = tf.convert_to_tensor(image_bytes, tf.string)
    return _decode_upright(data, crop_bottom, headers.MAX_PIXELS)


def decode_part(
    image_bytes: tf.Tensor, choose: Choose, crop_bottom: int = 0, *, reduce_to: int | None = None
) -> tf.Tensor:
    """Decodes a part of an image: bit for bit the same pixels as in `decode_image`.

    For an upright JPEG, the inverse DCT runs only on that part, if wanted at reduced size. Other
    files are decoded completely.

    Args:
        image_bytes: Scalar string, the content of the file.
        choose: Maps the height and width of the upright, cropped image, int32 `[2]`, to the first
            row and column of the part and its end row and column (exclusive), int32 `[2]` each.
        crop_bottom: See `decode_image`.
        reduce_to: If given, a JPEG may be decoded at a half, a quarter or an eighth of its size, as
            long as the sides of the part keep at least this many pixels. The edges are then rounded
            to the nearest pixel, and a pixel is about the mean of the pixels that it replaces.

    Returns:
        uint8 tensor of shape [height, width, 3], values 0 to 255.

    Raises:
        tf.errors.InvalidArgumentError: As in `decode_image`.
    """
    data = tf.convert_to_tensor(image_bytes, tf.string)
    kind, orientation = _look(data)

    def from_jpeg() -> tf.Tensor:
        shape = _check_size(tf.io.extract_jpeg_shape(data)[:2], headers.MAX_PIXELS)
        height = tf.where(shape[0] > crop_bottom, shape[0] - crop_bottom, shape[0])
        low, high = choose(tf.stack([height, shape[1]]))
        return decode_jpeg_part(
            with_adobe_marker(data), shape, low, high, "INTEGER_ACCURATE", reduce_to
        )

    def from_any() -> tf.Tensor:
        image = decode_image(data, crop_bottom)
        low, high = choose(tf.shape(image)[:2])
        return image[low[0] : high[0], low[1] : high[1]]

    upright = (kind == headers.JPEG) & (orientation == 1)
    return tf.ensure_shape(tf.cond(upright, from_jpeg, from_any), [None, None, 3])


def decode_jpeg_part(
    data: tf.Tensor,
    shape: tf.Tensor,
    low: tf.Tensor,
    high: tf.Tensor,
    dct_method: str = "",
    reduce_to: int | None = None,
) -> tf.Tensor:
    """Decodes a part of a JPEG, without applying its EXIF orientation.

    Args:
        data: Scalar string, the content of the file.
        shape: int32 `[2]`, height and width of the image.
        low: int32 `[2]`, first row and column of the part.
        high: int32 `[2]`, end row and column of the part (exclusive).
        dct_method: See `tf.io.decode_jpeg`.
        reduce_to: See `decode_part`.

    Returns:
        uint8 tensor of shape [height, width, 3].
    """

    def at(ratio: int) -> tf.Tensor:
        first, last = (tf.cast(tf.round(edge / ratio), tf.int32) for edge in (low, high))
        # Chroma upsampling blends neighbouring columns, so they must be decoded too.
        left = tf.maximum(first[1] - MARGIN, 0)
        right = tf.minimum(last[1] + MARGIN, (shape[1] + ratio - 1) // ratio)
        window = tf.stack([first[0], left, last[0] - first[0], right - left])
        image = tf.io.decode_and_crop_jpeg(
            data, window, channels=3, ratio=ratio, dct_method=dct_method
        )
        return image[:, first[1] - left : last[1] - left]

    if reduce_to is None:
        return at(1)
    # Rounding can move each edge by half a pixel of the reduced image.
    times = tf.reduce_min(high - low - RATIOS[-1]) // reduce_to
    which = tf.reduce_sum(tf.cast(times >= tf.constant(RATIOS[1:]), tf.int32))
    return tf.switch_case(which, [lambda ratio=ratio: at(ratio) for ratio in RATIOS])


def load_image(
    image_bytes: tf.Tensor, image_size: int | tuple[int, ...], crop_bottom: int = 0
) -> Any:
    """Decodes the bytes of an image file and resizes the image to a square, or to several.

    Args:
        image_bytes: Scalar string, the content of the file.
        image_size: Side of the square in pixels. With a tuple, the image is decoded once and
            resized to each of the sizes.
        crop_bottom: Pixel rows to remove from the bottom before resizing.

    Returns:
        float32 tensor of shape [image_size, image_size, 3], values 0 to 255; or a tuple of them.

    Raises:
        ValueError: If `crop_bottom` is negative.
        tf.errors.InvalidArgumentError: If `decode_image` cannot read the bytes.
    """
    image = decode_image(image_bytes, crop_bottom)
    return tf.nest.map_structure(lambda size: resize_image(image, size), image_size)


# Many graphs of a run read images. These two functions are traced once for all of them.
@tf.function(input_signature=[tf.TensorSpec([], tf.string)], autograph=False)
def _look(data: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the format and the EXIF orientation of a file, int32 scalars."""
    kind = headers.read_kind(data)
    return kind, read_orientation(data, kind)


@tf.function(
    input_signature=[tf.TensorSpec([], kind) for kind in (tf.string, tf.int32, tf.int64)],
    autograph=False,
)
def _decode_upright(data: tf.Tensor, crop_bottom: tf.Tensor, max_pixels: tf.Tensor) -> tf.Tensor:
    """Implements `decode_image`."""
    kind, orientation = _look(data)
    image = _decode(_check(data, kind, max_pixels), kind, max_pixels)
    image = tf.cond(orientation == 1, lambda: image, lambda: _turn(image, orientation))
    height = tf.shape(image)[0]
    image = image[: tf.where(height > crop_bottom, height - crop_bottom, height)]
    return tf.ensure_shape(image, [None, None, 3])


def _turn(image: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """Turns an image upright, given its orientation in EXIF."""
    image = tf.transpose(image, tf.where(orientation >= 5, [1, 0, 2], [0, 1, 2]))
    upside_down = tf.reduce_any(orientation == [3, 4, 7, 8])
    mirrored = tf.reduce_any(orientation == [2, 3, 6, 7])
    return tf.raw_ops.Reverse(tensor=image, dims=tf.stack([upside_down, mirrored, False]))


def _check(data: tf.Tensor, kind: tf.Tensor, max_pixels: tf.Tensor) -> tf.Tensor:
    """Checks format and announced size (but of a GIF); returns the bytes."""
    known = tf.debugging.Assert(
        kind != headers.UNKNOWN, ["not a JPEG, PNG, BMP, GIF or still WebP image"]
    )
    with tf.control_dependencies([known]):
        sides = headers.read_size(data, kind)
    with tf.control_dependencies([_check_size(sides, max_pixels)]):
        return tf.identity(data)


def _check_size(sides: tf.Tensor, max_pixels: int | tf.Tensor) -> tf.Tensor:
    """Returns `sides`; fails if the image has more than `max_pixels` pixels."""
    # As floats, because the product of two 32-bit numbers can overflow an int64.
    pixels = tf.reduce_prod(tf.cast(sides, tf.float64))
    limit = tf.strings.as_string(tf.cast(max_pixels, tf.int64))
    words = tf.strings.join(["more than ", limit, " pixels"])
    small = tf.debugging.Assert(pixels <= tf.cast(max_pixels, tf.float64), [words])
    with tf.control_dependencies([small]):
        return tf.identity(sides)


def _decode(data: tf.Tensor, kind: tf.Tensor, max_pixels: tf.Tensor) -> tf.Tensor:
    """Decodes a checked file to uint8 [height, width, 3], without EXIF orientation."""
    return tf.switch_case(
        kind,
        {
            # The default DCT method is a fast approximation, off by one level on average.
            headers.JPEG: lambda: tf.io.decode_jpeg(
                with_adobe_marker(data), channels=3, dct_method="INTEGER_ACCURATE"
            ),
            # Some files lack their end, which has no content; a second one is not read.
            headers.PNG: lambda: tf.io.decode_png(tf.strings.join([data, PNG_END]), channels=3),
            # A WebP can only be decoded to the channels it has, three or four.
            headers.WEBP: lambda: tf.io.decode_image(data, expand_animations=False)[..., :3],
            headers.BMP: lambda: decode_bmp(data),
        },
        default=lambda: _decode_gif(data, max_pixels),
    )


@apart(input_signature=[*FILE, tf.TensorSpec([], tf.int64)])
def _decode_gif(data: tf.Tensor, max_pixels: tf.Tensor) -> tf.Tensor:
    """Decodes the first frame of a GIF and places it on its screen."""
    frame = gif.find_first_frame(data)
    with tf.control_dependencies([_check_size(frame.screen, max_pixels)]):
        content = tf.identity(frame.content)
    image = tf.io.decode_image(content, channels=3, expand_animations=False)
    return gif.place_on_screen(image, frame)
