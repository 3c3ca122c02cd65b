"""Damaged files have the pixels that Pillow reads, or are refused with the one error of bad images.

Where Pillow refuses a file for its metadata, the pixels may be read.
"""

import warnings
import zlib
from collections.abc import Iterator

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from fgmix.data.codec.diagnose import diagnose_content
from tests.data.codec.test_variants import (
    TOLERANCE,
    exif_chunk,
    jpeg,
    pixels,
    put,
    raw_profile,
    segment,
    transparent_is_black,
    xmp_segment,
)
from tests.data.codec.variants import bmp, chunk, colours, encode, gif, png, tiff, with_pillow, xmp

EACH = 80
"""Damaged variants of each format. Thousands of each were tried."""


def photo() -> Image.Image:
    y, x = np.mgrid[0:40, 0:56]
    planes = [255 * x / 56, 255 * y / 40, x * y * 7 % 256]
    return Image.fromarray(np.stack(planes, axis=-1).astype(np.uint8))


def compressed_profile() -> bytes:
    return b"Raw profile type exif\0\0" + zlib.compress(raw_profile(b"Exif\0\0" + tiff(6, "<")))


def compressed_xmp() -> bytes:
    return b"XML:com.adobe.xmp\0\1\0en\0key\0" + zlib.compress(xmp(6))


def whole(kind: str) -> list[bytes]:
    """Files to damage."""
    image = photo()
    clear = image.copy()
    clear.putalpha(image.convert("L"))
    exif = tiff(6, "<")
    if kind == "jpeg":
        with_exif = put(jpeg(), segment(0xE1, b"Exif\0\0" + exif))
        plain = encode(image, "JPEG", quality=88)
        return [
            plain,
            jpeg(progressive=True),
            jpeg("CMYK"),
            with_exif,
            put(plain, xmp_segment(xmp(6))),
        ]
    if kind == "png":
        texts = [chunk(b"zTXt", compressed_profile()), chunk(b"iTXt", compressed_xmp())]
        made = [png(8, 2, before=before) for before in [*texts, exif_chunk(6)]]
        return [*made, png(16, 6, interlaced=True), encode(image.quantize(30), "PNG")]
    if kind == "bmp":
        masked = bmp(32, pixels(32), masks=(0xFF0000, 0xFF00, 0xFF))
        return [encode(image, "BMP"), masked, bmp(4, pixels(4), palette=colours(16))]
    if kind == "gif":
        small = gif(screen=(20, 15), corner=(2, 3), transparent=1, background=3, table="both")
        return [encode(image.quantize(60), "GIF"), small, gif(bits=8, interlaced=True)]
    plain = encode(image, "WEBP", exif=exif, xmp=xmp(6))
    return [plain, encode(clear, "WEBP", lossless=True, exact=True)]


def with_checksums(content: bytes) -> bytes:
    """A PNG whose chunks have right checksums, so that a decoder reads on to their content."""
    made, position = content[:8], 8
    while position + 12 <= len(content):
        end = position + 8 + int.from_bytes(content[position : position + 4], "big")
        if end + 4 > len(content):
            break
        made += content[position:end] + zlib.crc32(content[position + 4 : end]).to_bytes(4, "big")
        position = end + 4
    return made + content[position:]


def damaged(kind: str) -> Iterator[bytes]:
    """Files that are cut, have other bits, lost or new bytes."""
    rng = np.random.default_rng(0)
    files = whole(kind)
    for number in range(EACH):
        content = bytearray(files[number % len(files)])
        how = number // len(files) % 5
        # Half of it near the beginning, where the headers are.
        place = int(rng.integers(0, len(content) if number % 2 else min(len(content), 120)))
        size = int(rng.integers(1, 20))
        if how == 0:
            del content[place:]
        elif how == 1:
            content[place] ^= 1 << int(rng.integers(8))
        elif how == 2:
            content[place : place + size] = bytes(len(content[place : place + size]))
        elif how == 3:
            del content[place : place + size]
        else:
            content[place:place] = rng.bytes(size)
        fixed = kind == "png" and number % 3
        yield with_checksums(bytes(content)) if fixed else bytes(content)


def pillows(kind: str, content: bytes) -> np.ndarray | None:
    """Pillow's pixels, None if it refuses the file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return transparent_is_black(content) if kind == "gif" else with_pillow(content)
    except Exception:  # Pillow raises many types
        return None


@pytest.mark.parametrize("kind", TOLERANCE)
def test_damaged_files_have_pillows_pixels_or_are_refused(decode, kind):
    wrong, read, refused = {}, 0, 0
    for number, content in enumerate(damaged(kind)):
        wanted = pillows(kind, content)
        try:
            found = decode(content)
        except tf.errors.InvalidArgumentError:
            assert diagnose_content(content)
            refused += 1
            continue
        read += 1
        if wanted is None:
            continue
        if found.shape != wanted.shape:
            wrong[number] = f"{found.shape}, not {wanted.shape}"
        elif np.abs(found - wanted.astype(int)).max() > TOLERANCE[kind]:
            wrong[number] = "other pixels"
    assert not wrong
    assert read > 5
    assert refused > 5


@pytest.mark.parametrize(
    ("kind", "payload"), [(b"zTXt", compressed_profile()), (b"iTXt", compressed_xmp())]
)
def test_damaged_compressed_metadata_of_a_png_is_ignored(decode, kind, payload):
    rotated, plain = png(8, 2, before=chunk(kind, payload)), png(8, 2)
    assert decode(rotated).shape != decode(plain).shape
    start = payload.index(b"\x78\x9c")
    wrong_checksum = payload[:-1] + bytes([payload[-1] ^ 1])
    for changed in (wrong_checksum, payload[:start] + b"no zlib", payload[:start] + bytes(9)):
        content = png(8, 2, before=chunk(kind, changed))
        np.testing.assert_array_equal(decode(content), decode(plain))
        np.testing.assert_array_equal(decode(content), with_pillow(content))


def test_a_gif_of_an_unknown_version_is_refused(decode):
    content = gif()
    assert content.startswith(b"GIF89a")
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode(b"GIF88a" + content[6:])
    assert diagnose_content(b"GIF88a" + content[6:]) == "damaged or truncated near its beginning"
