"""The one way from the bytes of an image file to a tensor.

Training, evaluation, prediction and the exported model all read images through this module, so a
model sees the same pixels wherever it runs. It consists of TensorFlow operations alone, so that its
functions can be mapped over a dataset, traced in a `tf.function` and saved in a SavedModel.
"""

from collections.abc import Callable

import tensorflow as tf

from fgmix.data.codec import headers
from fgmix.data.codec.byte_ops import byte_values, read_uint
from fgmix.data.codec.exif import read_orientation
from fgmix.data.codec.gif import keep_first_frame

MARGIN = 16
"""Columns that are decoded on either side of a part of a JPEG: a block."""
RATIOS = (1, 2, 4, 8)
"""What libjpeg can reduce the sides of a picture by."""

Choose = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
"""Which part of an image: see `decode_part`."""


def decode_image(image_bytes: tf.Tensor, crop_bottom: int = 0) -> tf.Tensor:
    """Decodes the bytes of an image file to upright RGB pixels.

    Reads JPEG, PNG, BMP (8 bits with a palette, 24 and 32 bits), GIF (the first frame) and still
    WebP. Transparency is dropped, not blended, save that a GIF's transparent pixels are black;
    16-bit samples keep their high byte. EXIF orientation is applied to JPEG, WebP and PNG files (a
    PNG's only if it comes before the pixel data). Missing or malformed EXIF leaves the image as it
    is stored.

    Args:
        image_bytes: Scalar string, the content of the file.
        crop_bottom: Pixel rows to remove from the bottom of the upright image. An image not taller
            than this keeps all of its rows.

    Returns:
        uint8 tensor of shape [height, width, 3], values 0 to 255.

    Raises:
        ValueError: If `crop_bottom` is negative.
        tf.errors.InvalidArgumentError: If the bytes are not a complete image in one of these
            formats, or announce one of more than `headers.MAX_PIXELS` pixels, which is not decoded.
    """
    if crop_bottom < 0:
        raise ValueError(f"crop_bottom must not be negative, got {crop_bottom}")
    data = tf.convert_to_tensor(image_bytes, tf.string)
    return _decode_upright(data, crop_bottom, headers.MAX_PIXELS)


def decode_part(
    image_bytes: tf.Tensor, choose: Choose, crop_bottom: int = 0, *, reduce_to: int | None = None
) -> tf.Tensor:
    """Decodes a part of an image: the pixels that `decode_image` gives there, bit for bit.

    Of an upright JPEG only that part goes through the inverse transform, and if it is to be reduced
    anyway, that can begin there.

    Args:
        image_bytes: Scalar string, the content of the file.
        choose: From the image's height and width, upright and cropped, int32 `[2]`, to the first
            row and column of the part and those after its last, int32 `[2]` each.
        crop_bottom: As for `decode_image`.
        reduce_to: If given, a JPEG may be decoded at a half, a quarter or an eighth of its size,
            as long as the part's sides keep this many pixels. Its edges are then the nearest
            pixels, and a pixel is the mean of those that it stands for, about.

    Returns:
        uint8 tensor of shape [height, width, 3], values 0 to 255.

    Raises:
        tf.errors.InvalidArgumentError: As `decode_image`.
    """
    data = tf.convert_to_tensor(image_bytes, tf.string)
    kind, orientation = _look(data)

    def from_jpeg() -> tf.Tensor:
        shape = _check_size(tf.io.extract_jpeg_shape(data)[:2], headers.MAX_PIXELS)
        height = tf.where(shape[0] > crop_bottom, shape[0] - crop_bottom, shape[0])
        low, high = choose(tf.stack([height, shape[1]]))
        return decode_jpeg_part(data, shape, low, high, "INTEGER_ACCURATE", reduce_to)

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
    """Decodes a part of a JPEG as it is stored.

    Args:
        data: Scalar string, the content of the file.
        shape: int32 `[2]`, its height and width.
        low: int32 `[2]`, first row and column of the part.
        high: int32 `[2]`, those after its last.
        dct_method: As for `tf.io.decode_jpeg`.
        reduce_to: As for `decode_part`.

    Returns:
        uint8 tensor of shape [height, width, 3].
    """

    def at(ratio: int) -> tf.Tensor:
        first, last = (tf.cast(tf.round(edge / ratio), tf.int32) for edge in (low, high))
        # Colours are blended with those of the columns beside, which must be decoded too.
        left = tf.maximum(first[1] - MARGIN, 0)
        right = tf.minimum(last[1] + MARGIN, (shape[1] + ratio - 1) // ratio)
        window = tf.stack([first[0], left, last[0] - first[0], right - left])
        image = tf.io.decode_and_crop_jpeg(
            data, window, channels=3, ratio=ratio, dct_method=dct_method
        )
        return image[:, first[1] - left : last[1] - left]

    if reduce_to is None:
        return at(1)
    # An edge may move by half a pixel.
    times = tf.reduce_min(high - low - RATIOS[-1]) // reduce_to
    which = tf.reduce_sum(tf.cast(times >= tf.constant(RATIOS[1:]), tf.int32))
    return tf.switch_case(which, [lambda ratio=ratio: at(ratio) for ratio in RATIOS])


def resize_image(image: tf.Tensor, image_size: int) -> tf.Tensor:
    """Squashes an image to a square, bilinearly and with antialiasing.

    Args:
        image: uint8 or float tensor of shape [height, width, 3], values 0 to 255.
        image_size: Side of the square in pixels.

    Returns:
        float32 tensor of shape [image_size, image_size, 3], values 0 to 255.
    """
    resized = tf.image.resize(image, [image_size, image_size], method="bilinear", antialias=True)
    # The filter's weights sum to 1 only within float32 rounding, so white could come out above 255.
    resized = tf.clip_by_value(tf.cast(resized, tf.float32), 0.0, 255.0)
    return tf.ensure_shape(resized, [image_size, image_size, 3])


def load_image(image_bytes: tf.Tensor, image_size: int, crop_bottom: int = 0) -> tf.Tensor:
    """Decodes the bytes of an image file and resizes the image to a square.

    Args:
        image_bytes: Scalar string, the content of the file.
        image_size: Side of the square in pixels.
        crop_bottom: Pixel rows to remove from the bottom before resizing.

    Returns:
        float32 tensor of shape [image_size, image_size, 3], values 0 to 255.

    Raises:
        ValueError: If `crop_bottom` is negative.
        tf.errors.InvalidArgumentError: If `decode_image` cannot read the bytes.
    """
    return resize_image(decode_image(image_bytes, crop_bottom), image_size)


def load_batch(
    image_bytes: tf.Tensor, image_size: int, crop_bottom: int = 0
) -> tuple[tf.Tensor, tf.Tensor]:
    """Loads a batch of image files, marking those that cannot be decoded instead of failing.

    Args:
        image_bytes: String tensor of shape [n], the contents of n files; n may be 0.
        image_size: Side of the square each image is resized to, in pixels.
        crop_bottom: Pixel rows to remove from the bottom of each image before resizing.

    Returns:
        The images, float32 of shape [n, image_size, image_size, 3] with values 0 to 255, and a
        bool tensor of shape [n] that is True where the image was decoded. The other rows are zero.

    Raises:
        ValueError: If `crop_bottom` is negative.
    """
    image_bytes = tf.convert_to_tensor(image_bytes, tf.string)
    count = tf.size(image_bytes, out_type=tf.int64)

    @tf.autograph.experimental.do_not_convert
    def load(row: tf.Tensor, data: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return row, load_image(data, image_size, crop_bottom)

    # An operation that fails takes the whole graph with it, except inside a dataset: there the
    # failing element can be left out.
    decoded = (
        tf.data.Dataset.from_tensor_slices(image_bytes)
        .enumerate()
        .map(load, num_parallel_calls=tf.data.AUTOTUNE, deterministic=False)
        .ignore_errors()
    )
    # A row more than there are, so that there is something in the one batch that holds them all.
    spare = tf.data.Dataset.from_tensors((count, tf.zeros([image_size, image_size, 3])))
    options = tf.data.Options()
    # Optimising the pipeline would take longer than running it.
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    # `reduce` would prepare the functions anew at every call of the graph; this does not.
    rows, loaded = (
        decoded.concatenate(spare).batch(count + 1).with_options(options).get_single_element()
    )
    rows = rows[:, tf.newaxis]
    images = tf.scatter_nd(rows, loaded, tf.stack([count + 1, image_size, image_size, 3]))
    valid = tf.scatter_nd(rows, tf.ones_like(rows[:, 0], tf.bool), count[tf.newaxis] + 1)
    return tf.ensure_shape(images[:count], [None, image_size, image_size, 3]), valid[:count]


# A run reads images in many places: traced once, these two are a part of all their graphs.
@tf.function(input_signature=[tf.TensorSpec([], tf.string)], autograph=False)
def _look(data: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Of what kind a file is, and how its picture has to be turned."""
    kind = headers.read_kind(data)
    return kind, read_orientation(data, kind)


@tf.function(
    input_signature=[tf.TensorSpec([], kind) for kind in (tf.string, tf.int32, tf.int64)],
    autograph=False,
)
def _decode_upright(data: tf.Tensor, crop_bottom: tf.Tensor, max_pixels: tf.Tensor) -> tf.Tensor:
    """What `decode_image` does, in a graph of its own."""
    kind, orientation = _look(data)
    image = _decode(_check(data, kind, max_pixels), kind)
    image = tf.transpose(image, tf.where(orientation >= 5, [1, 0, 2], [0, 1, 2]))
    upside_down = tf.reduce_any(orientation == [3, 4, 7, 8])
    mirrored = tf.reduce_any(orientation == [2, 3, 6, 7])
    image = tf.raw_ops.Reverse(tensor=image, dims=tf.stack([upside_down, mirrored, False]))
    height = tf.shape(image)[0]
    image = image[: tf.where(height > crop_bottom, height - crop_bottom, height)]
    return tf.ensure_shape(image, [None, None, 3])


def _check(data: tf.Tensor, kind: tf.Tensor, max_pixels: tf.Tensor) -> tf.Tensor:
    """Returns what to decode of a file, after a look at its header."""
    known = tf.debugging.Assert(
        kind != headers.UNKNOWN, ["not a JPEG, PNG, BMP, GIF or still WebP image"]
    )
    with tf.control_dependencies([known]):
        data, sides = tf.cond(
            kind == headers.GIF,
            lambda: keep_first_frame(data),
            lambda: (data, headers.read_size(data, kind)),
        )
    with tf.control_dependencies([_check_size(sides, max_pixels)]):
        return tf.identity(data)


def _check_size(sides: tf.Tensor, max_pixels: int | tf.Tensor) -> tf.Tensor:
    """Returns the two sides of a picture of at most so many pixels."""
    # As floats, because the product of two sides of 32 bits overflows an int64.
    pixels = tf.reduce_prod(tf.cast(sides, tf.float64))
    limit = tf.strings.as_string(tf.cast(max_pixels, tf.int64))
    words = tf.strings.join(["more than ", limit, " pixels"])
    small = tf.debugging.Assert(pixels <= tf.cast(max_pixels, tf.float64), [words])
    with tf.control_dependencies([small]):
        return tf.identity(sides)


def _decode(data: tf.Tensor, kind: tf.Tensor) -> tf.Tensor:
    """Decodes a file that was checked to uint8 [height, width, 3], as it is stored."""
    return tf.switch_case(
        kind,
        {
            # The default transform is a fast approximation, off by one level on average.
            headers.JPEG: lambda: tf.io.decode_jpeg(
                data, channels=3, dct_method="INTEGER_ACCURATE"
            ),
            headers.PNG: lambda: tf.io.decode_png(data, channels=3),
            # A WebP decodes only to the channels it has, three or four.
            headers.WEBP: lambda: tf.io.decode_image(data, expand_animations=False)[..., :3],
            headers.BMP: lambda: _decode_bmp(data),
        },
        default=lambda: tf.io.decode_image(data, channels=3, expand_animations=False),
    )


def _decode_bmp(data: tf.Tensor) -> tf.Tensor:
    """Decodes a BMP to uint8 [height, width, 3]."""
    image = tf.io.decode_bmp(data, channels=3)

    def look_up() -> tf.Tensor:
        # The decoder takes indices into the colour table for grey levels. The table follows the
        # two headers, four bytes a colour: blue, green, red and one unused.
        start = 14 + read_uint(data, 14, 4, little_endian=True)
        table = tf.reshape(tf.cast(byte_values(data, start, 4 * 256), tf.uint8), [256, 4])
        return tf.gather(table[:, 2::-1], tf.cast(image[..., 0], tf.int32))

    bits = read_uint(data, 28, 2, little_endian=True)
    return tf.cond(bits == 8, look_up, lambda: image)
