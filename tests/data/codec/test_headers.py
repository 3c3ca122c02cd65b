"""The announced size of an image decides whether it is decoded at all."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from fgmix.data.codec import headers
from fgmix.data.codec.batch import load_batch
from fgmix.data.codec.decode import decode_image
from fgmix.data.codec.headers import MAX_PIXELS, read_kind, read_size
from tests.data.codec.test_decode import LOSSLESS, LOSSY, rgb, rgba, tiff
from tests.data.codec.variants import encode

KINDS = ("jpeg", "png", "webp", "bmp", "gif")
SIDE = 60_000


def png(width, height, rows=b""):
    """A grey PNG with one bit per pixel that announces a size and has the given pixels."""

    def chunk(kind, payload):
        body = kind + payload
        return struct.pack(">I", len(payload)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunks = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def jpeg(width, height):
    content = bytearray(encode(rgb(), "JPEG"))
    start = content.index(b"\xff\xc0")  # start of frame
    content[start + 5 : start + 9] = struct.pack(">HH", height, width)
    return bytes(content)


def bmp(width, height):
    content = bytearray(encode(rgb(), "BMP"))
    content[18:26] = struct.pack("<ii", width, height)
    return bytes(content)


def gif(width, height):
    content = bytearray(encode(rgb().convert("P"), "GIF"))
    frame = content.index(b"\x2c\0\0\0\0")  # the screen's size stays small
    content[frame + 5 : frame + 9] = struct.pack("<HH", width, height)
    return bytes(content)


def webp(chunk, position, size):
    """A WebP with the bytes of its size replaced."""
    options = {
        b"VP8 ": {"quality": 80},
        b"VP8L": {"lossless": True},
        b"VP8X": {"exif": tiff(1)},
    }[chunk]
    content = bytearray(encode(rgb(), "WEBP", **options))
    assert content[12:16] == chunk
    content[position : position + len(size)] = size
    return bytes(content)


LARGE = {
    "jpeg": lambda: jpeg(SIDE, SIDE),
    "png": lambda: png(SIDE, SIDE),
    "png-widest": lambda: png(2**32 - 1, 2**32 - 1),
    "bmp": lambda: bmp(SIDE, SIDE),
    "bmp-from-the-top": lambda: bmp(SIDE, -SIDE),
    "gif": lambda: gif(SIDE, SIDE),
    # A WebP's sides have 14 bits, those of the extended form's canvas 24.
    "webp-lossy": lambda: webp(b"VP8 ", 26, struct.pack("<HH", 16_383, 16_383)),
    "webp-lossless": lambda: webp(b"VP8L", 21, struct.pack("<I", 2**28 - 1)),
    "webp-extended": lambda: webp(b"VP8X", 24, 2 * struct.pack("<I", SIDE - 1)[:3]),
}


@pytest.mark.parametrize("name", [*LOSSLESS, *LOSSY])
def test_the_size_is_read_as_pillow_reads_it(name):
    content = (LOSSLESS | LOSSY)[name]()
    kind = read_kind(tf.constant(content))
    assert KINDS[int(kind)] == name.split("-")[0]
    if kind == headers.GIF:
        return  # GIF frames have their own sizes
    with Image.open(io.BytesIO(content)) as image:
        assert sorted(read_size(tf.constant(content), kind).numpy()) == sorted(image.size)


@pytest.mark.parametrize("options", [{"exif": tiff(1)}, {"icc_profile": b"x" * 9}])
def test_the_size_of_an_extended_webp_is_its_canvas(options):
    content = encode(rgba(), "WEBP", **options)
    assert content[12:16] == b"VP8X"
    sides = read_size(tf.constant(content), tf.constant(headers.WEBP))
    assert sides.numpy().tolist() == list(rgba().size)


@pytest.mark.parametrize("name", LARGE)
def test_what_announces_too_many_pixels_is_refused_before_it_is_decoded(name):
    # The decoders' own error messages would differ.
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"more than {MAX_PIXELS} pixels"):
        decode_image(LARGE[name]())


@pytest.mark.slow
def test_a_large_image_that_would_decode_takes_no_memory():
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("the peak of a process's memory is read from Linux's /proc")

    def peak():
        [line] = [x for x in status.read_text().splitlines() if x.startswith("VmHWM")]
        return int(line.split()[1]) / 1024

    side = 15_000  # 675 MB as RGB
    small = encode(rgb(), "PNG")
    batch = [small, png(side, side, bytes((1 + side // 8) * side)), small]
    load_batch(tf.constant([small]), 8)
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak
    before = peak()
    images, valid = load_batch(tf.constant(batch), 8)
    assert valid.numpy().tolist() == [True, False, True]
    np.testing.assert_array_equal(images[0], images[2])
    assert peak() - before < 300


def test_at_the_limit_it_is_decoded(monkeypatch):
    content = encode(rgb(), "PNG")
    monkeypatch.setattr(headers, "MAX_PIXELS", rgb().width * rgb().height)
    assert decode_image(content).shape == (rgb().height, rgb().width, 3)
    monkeypatch.setattr(headers, "MAX_PIXELS", rgb().width * rgb().height - 1)
    with pytest.raises(tf.errors.InvalidArgumentError, match="pixels"):
        decode_image(content)


def test_an_extended_webp_cannot_hide_a_larger_image():
    content = webp(b"VP8X", 24, 2 * struct.pack("<I", 1)[:3])
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode_image(content)
