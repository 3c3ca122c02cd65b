"""Conversion: nothing changes to the eye, and the graph decodes the result."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from fgmix.data.box import Box
from fgmix.data.codec.unsupported import name_unsupported
from fgmix.data.importing import convert as module
from fgmix.data.importing.convert import BadImageError, Crop, convert
from fgmix.errors import FgmixError
from tests.data.importing.pictures import decode, encode, exif_of, smooth


def one(content, **options):
    [converted] = convert(content, **options)
    assert name_unsupported(converted.content) is None
    return converted


def png_16(values):
    """A 16-bit RGB PNG, which Pillow doesn't write."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    height, width, _ = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "GIF", "WEBP"])
def test_what_the_graph_decodes_is_copied_byte_for_byte(kind):
    content = encode(smooth(), kind)
    converted = one(content)
    assert (converted.content, converted.how) == (content, "as it was")


@pytest.mark.parametrize(
    ("kind", "options", "suffix", "how", "tolerance"),
    [
        ("TIFF", {"compression": "tiff_lzw"}, ".png", "TIFF to PNG", 0),
        ("TIFF", {"compression": "jpeg", "quality": 95}, ".jpg", "TIFF to JPEG", 6),
        ("AVIF", {"quality": 95}, ".jpg", "AVIF to JPEG", 8),
        ("JPEG2000", {}, ".png", "JPEG 2000 to PNG", 0),
        ("JPEG2000", {"irreversible": True}, ".jpg", "JPEG 2000 to JPEG", 6),
        ("PPM", {}, ".png", "PPM to PNG", 0),
        ("TGA", {"compression": "tga_rle"}, ".png", "TGA to PNG", 0),
    ],
)
def test_other_formats_become_jpeg_or_png(kind, options, suffix, how, tolerance):
    content = encode(smooth(), kind, **options)
    converted = one(content)
    assert (converted.suffix, converted.how) == (suffix, how)
    assert np.abs(decode(converted.content) - decode(content)).max() <= tolerance


def test_a_heic_becomes_a_jpeg():
    heif = pytest.importorskip("pillow_heif", reason="pip install 'fgmix[heic]'")
    heif.register_heif_opener()
    content = encode(smooth(), "HEIF", quality=95, exif=exif_of(1).tobytes())
    converted = one(content)
    assert (converted.suffix, converted.how) == (".jpg", "HEIC to JPEG")
    assert np.abs(decode(converted.content) - decode(content)).max() <= 6
    assert b"Camera" in content
    assert b"Camera" not in converted.content


@pytest.mark.parametrize("kind", ["TIFF", "AVIF", "HEIF"])
def test_the_orientation_is_applied(kind):
    if kind == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    stored = smooth((60, 40)).transpose(Image.Transpose.ROTATE_90)  # upright after a turn by 270
    stored.info["exif"] = exif_of(6, where=False).tobytes()
    converted = one(encode(stored, kind, exif=stored.info["exif"]))
    upright = decode(converted.content)
    assert upright.shape == (40, 60, 3)
    assert np.abs(upright - np.asarray(smooth((60, 40))).astype(int)).mean() < 5
    with Image.open(io.BytesIO(converted.content)) as image:
        assert dict(image.getexif()) == {}


@pytest.mark.parametrize("keep", [False, True])
def test_exif_stays_if_asked_for(keep):
    jpeg = encode(smooth(), "JPEG", exif=exif_of(6).tobytes())
    avif = encode(smooth(), "AVIF", exif=exif_of(6).tobytes())
    for content in (jpeg, avif):
        converted = one(content, keep_exif=keep)
        with Image.open(io.BytesIO(converted.content)) as image:
            found = image.getexif()
        assert (found.get(0x010F) == "Camera") is keep
        assert bool(found.get_ifd(0x8825)) is keep
        assert found.get(0x0112) == (6 if content == jpeg else None)
    assert (one(jpeg, keep_exif=True).content == jpeg) is True


def test_16_bits_keep_their_high_byte():
    values = np.arange(6 * 4 * 3).reshape(4, 6, 3) * 900 % 65536
    converted = one(png_16(values))
    assert converted.how == "16-bit PNG to PNG"
    np.testing.assert_array_equal(decode(converted.content), values >> 8)
    grey = Image.fromarray((np.arange(24).reshape(4, 6) * 2700).astype(np.uint16))
    converted = one(encode(grey, "TIFF"))
    assert converted.how == "16-bit TIFF to PNG"
    np.testing.assert_array_equal(decode(converted.content)[..., 0], np.asarray(grey) >> 8)


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (Image.fromarray(np.full((4, 6), 200, np.uint16)), "at most 200 of 65,535"),
        (Image.fromarray(np.full((4, 6), 0.5, np.float32)), "floating-point"),
        (Image.fromarray(np.full((4, 6), 70000, np.int32)), "not of 16 bits"),
    ],
)
def test_values_without_a_known_range_are_refused(image, reason):
    with pytest.raises(BadImageError, match=reason):
        convert(encode(image, "TIFF"))


def test_cmyk_becomes_rgb():
    content = encode(smooth(mode="CMYK"), "JPEG", quality=95)
    converted = one(content)
    assert converted.how == "CMYK JPEG to JPEG"
    with Image.open(io.BytesIO(converted.content)) as image:
        assert image.mode == "RGB"
    assert np.abs(decode(converted.content) - np.asarray(smooth()).astype(int)).max() <= 10


def test_the_first_frame_of_an_animation_counts():
    frames = [smooth(seed=1)]
    webp = encode(smooth(), "WEBP", save_all=True, append_images=frames, lossless=True)
    converted = one(webp)
    assert converted.how == "animated WebP to PNG"
    np.testing.assert_array_equal(decode(converted.content), np.asarray(smooth()))
    gif = encode(smooth(), "GIF", save_all=True, append_images=frames)
    assert one(gif).content == gif
    first = one(encode(smooth(), "TIFF", save_all=True, append_images=frames))
    np.testing.assert_array_equal(decode(first.content), np.asarray(smooth()))


def test_colours_of_another_profile_are_converted_to_srgb():
    # XYZ as an RGB profile doesn't exist; a profile with swapped primaries is as far from sRGB.
    profile = swapped_profile()
    content = encode(smooth(), "PNG", icc_profile=profile)
    converted = one(content)
    assert converted.how == "colours of profile swapped to PNG"
    with Image.open(io.BytesIO(converted.content)) as image:
        assert "icc_profile" not in image.info
    expected = np.asarray(smooth())[..., [1, 0, 2]].astype(int)
    assert np.abs(decode(converted.content) - expected).mean() < 4


def test_a_file_in_srgb_with_its_profile_stays():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    content = encode(smooth(), "JPEG", icc_profile=profile)
    assert one(content).content == content
    broken = encode(smooth(), "JPEG", icc_profile=b"no profile")
    assert one(broken).content == broken


def swapped_profile():
    """sRGB with red and green exchanged, by exchanging the tags of their primaries."""
    made = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    made = made.replace(b"rXYZ", b"?XYZ", 1).replace(b"gXYZ", b"rXYZ", 1)
    made = made.replace(b"?XYZ", b"gXYZ", 1)
    for name in ("sRGB built-in", "sRGB"):
        made = made.replace(
            name.encode("utf-16-be"), "swapped".ljust(len(name))[: len(name)].encode("utf-16-be")
        )
    return made


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"<html>", "not an image"),
        (encode(smooth(), "JPEG")[:400], "truncated"),
        (encode(smooth(), "PNG")[:-300], "truncated|damaged"),
    ],
)
def test_what_is_no_image_is_refused(content, reason):
    with pytest.raises(BadImageError, match=reason):
        convert(content)


def test_huge_images_are_never_decoded(monkeypatch):
    monkeypatch.setattr(module, "MAX_PIXELS", 64 * 48 - 1)
    with pytest.raises(BadImageError, match="megapixels"):
        convert(encode(smooth(), "PNG"))


def test_a_raw_file_is_not_taken_for_the_tiff_of_its_preview(monkeypatch):
    content = encode(smooth(), "EPS")
    with pytest.raises(BadImageError, match="not an image"):
        convert(content)


def test_heic_without_its_group_is_refused_by_name(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    with pytest.raises(FgmixError, match=r"pillow_heif: pip install 'fgmix\[heic\]'"):
        convert(b"\0\0\0\x18ftypheic" + bytes(100))


def test_crops_have_a_margin_within_the_photo():
    content = encode(smooth((100, 80)), "PNG")
    crops = [Crop(Box(20, 10, 60, 50), 0.1), Crop(Box(-5, 60, 30, 90), 0.5)]
    inner, corner = convert(content, crops=crops)
    pixels = np.asarray(smooth((100, 80)))
    assert inner.how == corner.how == "cropped"
    np.testing.assert_array_equal(decode(inner.content), pixels[6:54, 16:64])
    np.testing.assert_array_equal(decode(corner.content), pixels[45:80, 0:48])


def test_boxes_are_in_the_pixels_of_the_upright_photo():
    stored = smooth((60, 40)).transpose(Image.Transpose.ROTATE_90)
    content = encode(stored, "PNG", exif=exif_of(6))
    [converted] = convert(content, crops=[Crop(Box(10, 5, 30, 25), 0)])
    np.testing.assert_array_equal(
        decode(converted.content), np.asarray(smooth((60, 40)))[5:25, 10:30]
    )


def test_a_banner_is_cut_off_before_the_crop():
    content = encode(smooth((100, 80)), "PNG")
    [converted] = convert(content, crops=[Crop(Box(0, 0, 100, 80), 0.2)], crop_bottom=20)
    assert decode(converted.content).shape == (60, 100, 3)


@pytest.mark.parametrize(
    ("box", "reason"),
    [(Box(10, 10, 10, 20), "empty"), (Box(100, 0, 120, 20), "outside of its 64 x 48 pixels")],
)
def test_boxes_without_a_pixel_are_refused(box, reason):
    with pytest.raises(BadImageError, match=reason):
        convert(encode(smooth(), "PNG"), crops=[Crop(box, 0.1)])
