"""What the decode path does not read is refused by its name, with what to do."""

import pytest
import tensorflow as tf
from PIL import Image

from fgmix.data.codec.decode import decode_image
from fgmix.data.codec.diagnose import diagnose_content
from tests.data.codec.test_variants import jpeg, pixels
from tests.data.codec.variants import IEND, bmp, colours, encode, gif, png


@pytest.fixture(scope="module")
def decode():
    """`decode_image` as a graph, where it is used."""
    return tf.function(decode_image, input_signature=[tf.TensorSpec([], tf.string)])


def twelve_bit() -> bytes:
    content = bytearray(jpeg())
    content[content.index(b"\xff\xc0") + 4] = 12
    return bytes(content)


def with_frame(marker: int) -> bytes:
    return jpeg().replace(b"\xff\xc0", bytes([0xFF, marker]), 1)


def colourless_gif() -> bytes:
    content = bytearray(gif(bits=3))
    content[10] &= 0x7F
    return bytes(content[:13] + content[13 + 24 :])


REFUSED = {
    "jpeg-12-bits": (twelve_bit, "a JPEG with 12 bits a sample: save it with 8"),
    "jpeg-lossless": (lambda: with_frame(0xC3), "a lossless JPEG: save it as PNG"),
    "jpeg-hierarchical": (lambda: with_frame(0xC5), "a hierarchical JPEG: save it as PNG"),
    "jpeg-without-end": (lambda: jpeg()[:-2], "truncated"),
    "progressive-jpeg-without-end": (lambda: jpeg(progressive=True)[:-2], "truncated"),
    "png-with-half-an-end": (lambda: png(8, 2, end=IEND[:6]), "truncated"),
    "bmp-rle8": (
        lambda: bmp(8, pixels(8), palette=colours(256), compression=1),
        "a BMP that is run-length encoded (RLE8): save it as PNG",
    ),
    "bmp-rle4": (
        lambda: bmp(4, pixels(4), palette=colours(16), compression=2),
        "a BMP that is run-length encoded (RLE4): save it as PNG",
    ),
    "bmp-jpeg": (lambda: bmp(24, pixels(32), compression=4), "a BMP that holds a JPEG"),
    "bmp-png": (lambda: bmp(24, pixels(32), compression=5), "a BMP that holds a PNG"),
    "bmp-compression": (lambda: bmp(24, pixels(32), compression=9), "has compression 9"),
    "bmp-2-bits": (lambda: bmp(2, pixels(2), palette=colours(4)), "a BMP with 2 bits a pixel"),
    "bmp-header": (lambda: bmp(24, pixels(32), header=48), "a BMP with a header of 48 bytes"),
    "bmp-split-masks": (
        lambda: bmp(32, pixels(32), masks=(0xF0F, 0xFF0000, 0xFF000000)),
        "a BMP with split colour masks: save it as PNG",
    ),
    "bmp-truncated": (lambda: bmp(24, pixels(32))[:-2], "truncated"),
    "gif-without-colours": (colourless_gif, "a GIF without a colour table: save it as PNG"),
    "webp-animated": (
        lambda: encode(
            Image.new("RGB", (9, 9)),
            "WEBP",
            save_all=True,
            append_images=[Image.new("L", (9, 9), 255)],
        ),
        "animated WebP: save it as PNG",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_read_is_refused_by_name(decode, name):
    make, reason = REFUSED[name]
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode(make())
    assert reason in diagnose_content(make())
