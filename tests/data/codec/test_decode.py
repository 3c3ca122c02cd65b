"""The decode path against Pillow, which reads the same bytes independently."""

import struct

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from fgmix.data.codec import headers
from fgmix.data.codec.decode import decode_image, decode_part, load_image
from fgmix.data.codec.resize import resize_image
from tests.data.codec.variants import encode, with_pillow

ORIENTATION = 0x0112
HEIGHT, WIDTH = 24, 37


def noise(channels: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    pixels = np.random.default_rng(channels).integers(0, 256, (height, width, channels))
    return pixels.astype(np.uint8)


def gradient(height: int = HEIGHT, width: int = WIDTH) -> Image.Image:
    """An asymmetric pattern that JPEG keeps almost unchanged."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [255 * x / width, 255 * y / height, 255 * x * y / (width * height)]
    return Image.fromarray(np.stack(planes, axis=-1).astype(np.uint8))


def rgb() -> Image.Image:
    return Image.fromarray(noise(3))


def rgba() -> Image.Image:
    return Image.fromarray(noise(4), "RGBA")


def palette() -> Image.Image:
    return rgb().quantize(64)


LOSSLESS = {
    "png-rgb": lambda: encode(rgb(), "PNG"),
    "png-rgba": lambda: encode(rgba(), "PNG"),
    "png-palette": lambda: encode(palette(), "PNG"),
    "png-palette-transparent": lambda: encode(palette(), "PNG", transparency=3),
    "png-grey": lambda: encode(rgb().convert("L"), "PNG"),
    "png-grey-alpha": lambda: encode(Image.fromarray(noise(2), "LA"), "PNG"),
    "png-bilevel": lambda: encode(rgb().convert("1"), "PNG"),
    "bmp-24": lambda: encode(rgb(), "BMP"),
    "bmp-32": lambda: encode(rgba(), "BMP"),
    "bmp-grey": lambda: encode(rgb().convert("L"), "BMP"),
    "bmp-palette": lambda: encode(palette(), "BMP"),
    "gif": lambda: encode(palette(), "GIF"),
    "gif-grey": lambda: encode(rgb().convert("L"), "GIF"),
    "gif-animated": lambda: encode(
        palette(), "GIF", save_all=True, append_images=[ImageOps.invert(rgb())]
    ),
    "webp-rgb": lambda: encode(rgb(), "WEBP", lossless=True),
    "webp-rgba": lambda: encode(rgba(), "WEBP", lossless=True, exact=True),
}

LOSSY = {
    "jpeg-rgb": lambda: encode(gradient(), "JPEG"),
    "jpeg-444": lambda: encode(gradient(), "JPEG", subsampling=0),
    "jpeg-progressive": lambda: encode(gradient(), "JPEG", progressive=True),
    "jpeg-grey": lambda: encode(gradient().convert("L"), "JPEG"),
    "jpeg-cmyk": lambda: encode(Image.fromarray(noise(4), "CMYK"), "JPEG", quality=95),
    "webp-lossy": lambda: encode(gradient(), "WEBP"),
    "webp-lossy-alpha": lambda: encode(rgba(), "WEBP"),
}


@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_formats_match_pillow_exactly(decode, name):
    content = LOSSLESS[name]()
    decoded = decode(content)
    assert decoded.dtype == np.uint8
    np.testing.assert_array_equal(decoded, with_pillow(content))


@pytest.mark.parametrize("name", LOSSY)
def test_lossy_formats_match_pillow(decode, name):
    content = LOSSY[name]()
    expected = with_pillow(content)
    decoded = decode(content)
    assert decoded.shape == expected.shape
    # Identical where both use the same codec library; CMYK is rounded differently, by one level.
    assert np.abs(decoded.astype(int) - expected).mean() < 0.6


def test_16_bit_png_keeps_the_high_byte(decode):
    samples = np.random.default_rng(0).integers(0, 2**16, (HEIGHT, WIDTH)).astype(np.uint16)
    decoded = decode(encode(Image.fromarray(samples), "PNG"))
    expected = np.broadcast_to((samples >> 8)[..., np.newaxis], (HEIGHT, WIDTH, 3))
    np.testing.assert_array_equal(decoded, expected)


def animated_webp(mode: str) -> bytes:
    frames = [rgba().convert(mode), ImageOps.invert(rgb()).convert(mode)]
    return encode(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True)


UNDECODABLE = {
    "empty": b"",
    "text": b"not an image",
    "tiff": encode(rgb(), "TIFF"),
    "jpeg-signature-only": b"\xff\xd8\xff",
    "truncated-jpeg": LOSSY["jpeg-rgb"]()[:-100],
    "truncated-png": LOSSLESS["png-rgb"]()[:-100],
    "truncated-bmp": LOSSLESS["bmp-palette"]()[:-100],
    "truncated-gif": LOSSLESS["gif"]()[:-100],
    "truncated-webp": LOSSLESS["webp-rgb"]()[:-100],
    "animated-webp-rgb": animated_webp("RGB"),
    "animated-webp-rgba": animated_webp("RGBA"),
}


@pytest.mark.parametrize("name", UNDECODABLE)
def test_undecodable_bytes_raise(decode, name):
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode(UNDECODABLE[name])


def tiff(
    orientation: int, order: str = "<", *, tag: int = ORIENTATION, field_type: int = 3
) -> bytes:
    """A TIFF block whose first directory has the orientation between two other entries."""
    entries = [
        struct.pack(order + "HHI4s", 0x010F, 2, 4, b"abc\0"),
        struct.pack(order + "HHIHH", tag, field_type, 1, orientation, 0),
        struct.pack(order + "HHIHH", 0x0128, 3, 1, 2, 0),
    ]
    header = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 12)
    directory = struct.pack(order + "H", len(entries)) + b"".join(entries)
    return header + bytes(4) + directory + bytes(4)


def exif(*args, **kwargs) -> bytes:
    return b"Exif\0\0" + tiff(*args, **kwargs)


def segment(payload: bytes, marker: bytes = b"\xff\xe1") -> bytes:
    return marker + struct.pack(">H", len(payload) + 2) + payload


def jpeg_with(segments: bytes) -> bytes:
    """A JPEG with segments put at its very front."""
    content = LOSSY["jpeg-rgb"]()
    return content[:2] + segments + content[2:]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_jpeg_orientation_matches_pillow(decode, orientation, order):
    content = jpeg_with(segment(exif(orientation, order)))
    expected = with_pillow(content)
    assert (expected.shape[0] == WIDTH) == (orientation >= 5)
    np.testing.assert_allclose(decode(content), expected, atol=1)


@pytest.mark.parametrize("image_format", ["PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_png_and_webp_orientation_matches_pillow(decode, orientation, image_format):
    lossless = {"lossless": True} if image_format == "WEBP" else {}
    content = encode(rgb(), image_format, exif=tiff(orientation), **lossless)
    expected = with_pillow(content)
    assert (expected.shape[0] == WIDTH) == (orientation >= 5)
    np.testing.assert_array_equal(decode(content), expected)


@pytest.mark.parametrize(
    "before",
    [
        segment(b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta/>"),
        segment(b"JFIF\0\1\1\0\0\1\0\1\0\0", b"\xff\xe0"),
        segment(bytes(65533), b"\xff\xe2") * 3,
        b"\xff\xff\xff",
    ],
    ids=["xmp", "jfif", "large-profile", "fill-bytes"],
)
def test_exif_is_found_behind_other_segments(decode, before):
    content = jpeg_with(before + segment(exif(6)))
    np.testing.assert_array_equal(decode(content), np.rot90(decode(jpeg_with(b"")), -1))


@pytest.mark.parametrize(
    "payload",
    [
        *(exif(6)[:length] for length in (6, 8, 13, 18, 20, 31, 40)),
        exif(0),
        exif(9),
        exif(6, tag=0x0113),
        exif(6, field_type=7),
        b"Exif\0\0" + b"XX" + tiff(6)[2:],
        b"Exif\0\0" + tiff(6)[:4] + b"\xff\xff\xff\xff" + tiff(6)[8:],
        b"Exif\0\0" + bytes(100),
        b"Exif\0\0" + bytes(range(256)),
        b"exif\0\0" + tiff(6),
    ],
)
def test_malformed_exif_is_ignored(decode, payload):
    np.testing.assert_array_equal(decode(jpeg_with(segment(payload))), decode(jpeg_with(b"")))


def test_exif_behind_the_scan_is_ignored(decode):
    content = jpeg_with(b"") + segment(exif(6))
    np.testing.assert_array_equal(decode(content), decode(jpeg_with(b"")))


def test_crop_bottom_removes_rows_of_the_upright_image():
    content = encode(rgb(), "PNG", exif=tiff(6))
    upright = with_pillow(content)
    np.testing.assert_array_equal(decode_image(content, crop_bottom=5), upright[:-5])
    np.testing.assert_array_equal(decode_image(content, crop_bottom=WIDTH - 1), upright[:1])


@pytest.mark.parametrize("crop_bottom", [HEIGHT, HEIGHT + 1])
def test_image_not_taller_than_the_crop_stays_whole(crop_bottom):
    decoded = decode_image(encode(rgb(), "PNG"), crop_bottom)
    np.testing.assert_array_equal(decoded, noise(3))


def test_negative_crop_is_refused():
    with pytest.raises(ValueError, match="crop_bottom"):
        decode_image(encode(rgb(), "PNG"), -1)


def test_load_image_in_a_dataset_has_a_static_shape():
    contents = [encode(rgb(), "PNG"), LOSSY["jpeg-rgb"]()]
    dataset = tf.data.Dataset.from_tensor_slices(contents).map(lambda c: load_image(c, 16, 4))
    assert dataset.element_spec == tf.TensorSpec([16, 16, 3], tf.float32)
    for content, image in zip(contents, dataset, strict=True):
        np.testing.assert_array_equal(image, resize_image(decode_image(content, 4), 16))


JPEGS = {
    f"{kind}-{subsampling}": {"subsampling": subsampling, "progressive": kind == "progressive"}
    for kind in ("baseline", "progressive")
    for subsampling in (0, 1, 2)
}


def parts(count=25, height=90, width=130):
    """Parts of an image: first row and column, end row and column (exclusive)."""
    rng = np.random.default_rng(0)
    lows = rng.integers(0, [height, width], (count, 2))
    highs = lows + 1 + rng.integers(0, [height, width] - lows)
    return np.stack([lows, highs], axis=1).astype(np.int32)


@pytest.fixture(scope="module")
def decode_part_of():
    """`decode_part` as a graph; returns arrays."""

    @tf.function(input_signature=[tf.TensorSpec([], tf.string), tf.TensorSpec([2, 2], tf.int32)])
    def graph(content, box):
        return decode_part(content, lambda shape: (box[0], tf.minimum(box[1], shape)), 3)

    return lambda content, box: graph(tf.constant(content), tf.constant(box)).numpy()


def picture(height=90, width=130, spot=6):
    """Spots of any colours, this many pixels wide."""
    small = noise(3, height // spot, width // spot)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


@pytest.mark.parametrize("options", JPEGS.values(), ids=JPEGS)
def test_a_part_of_a_jpeg_has_the_pixels_of_the_whole(decode_part_of, options):
    content = encode(picture(), "JPEG", quality=85, **options)
    whole = decode_image(content, 3).numpy()
    assert whole.shape == (87, 130, 3)
    for box in parts():
        low, high = box[0], np.minimum(box[1], whole.shape[:2])
        expected = whole[low[0] : high[0], low[1] : high[1]]
        if expected.size:
            np.testing.assert_array_equal(decode_part_of(content, box), expected)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_part_of_a_rotated_image_is_of_the_upright_one(decode_part_of, orientation):
    options = Image.Exif()
    options[0x0112] = orientation
    content = encode(picture(), "JPEG", exif=options)
    whole = decode_image(content, 3).numpy()
    box = np.array([[10, 20], [50, 70]], np.int32)
    np.testing.assert_array_equal(decode_part_of(content, box), whole[10:50, 20:70])


@pytest.mark.parametrize("image_format", ["PNG", "BMP", "GIF", "WEBP"])
def test_a_part_of_another_format_has_the_pixels_of_the_whole(decode_part_of, image_format):
    content = encode(picture(), image_format)
    whole = decode_image(content, 3).numpy()
    box = np.array([[10, 20], [50, 70]], np.int32)
    np.testing.assert_array_equal(decode_part_of(content, box), whole[10:50, 20:70])


def test_a_part_of_an_image_that_is_too_large_is_refused(decode_part_of, monkeypatch):
    monkeypatch.setattr(headers, "MAX_PIXELS", 90 * 130 - 1)
    content = encode(picture(), "JPEG")
    box = tf.constant([[0, 0], [9, 9]])
    with pytest.raises(tf.errors.InvalidArgumentError, match="pixels"):
        decode_part(content, lambda shape: (box[0], box[1]))


@pytest.mark.parametrize(
    ("side", "ratio"), [(400, 1), (197, 1), (196, 2), (99, 2), (98, 4), (50, 4), (49, 8), (8, 8)]
)
def test_a_part_is_reduced_as_far_as_the_result_allows(side, ratio):
    content = encode(picture(480, 640, spot=60), "JPEG", quality=95)
    low, high = tf.constant([31, 57]), tf.constant([31 + 400, 57 + 410])
    part = decode_part(content, lambda shape: (low, high), reduce_to=side)
    assert np.abs(np.array(part.shape[:2]) - np.array([400, 410]) / ratio).max() <= 1
    assert min(part.shape[:2]) >= side
    # Resized, it equals the resized full part up to a fraction of a pixel.
    whole = decode_part(content, lambda shape: (low, high))
    both = [resize_image(image, side).numpy() for image in (part, whole)]
    difference = np.abs(both[0] - both[1])
    assert difference.mean() < 4
    assert difference.max() < 25
    mirrored = np.abs(both[0][:, ::-1] - both[1])
    assert mirrored.mean() > 20


def test_other_formats_are_not_reduced():
    box = tf.constant([[0, 0], [80, 80]])
    part = decode_part(encode(picture(), "PNG"), lambda shape: (box[0], box[1]), reduce_to=8)
    assert part.shape == (80, 80, 3)
