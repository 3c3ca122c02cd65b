"""Metadata goes, pixels and orientation stay."""

import io

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from fgmix.data.importing.metadata import without_metadata
from tests.data.importing.pictures import encode, exif_of, smooth

XMP = b"<x:xmpmeta>exif:GPSLatitude=48</x:xmpmeta>"


def stored(kind, orientation=1, **options):
    return encode(smooth(), kind, exif=exif_of(orientation).tobytes(), **options)


@pytest.mark.parametrize("orientation", [1, 3, 6])
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {"xmp": XMP, "comment": b"GPS here"}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("WEBP", {"xmp": XMP}),
        ("WEBP", {"lossless": True}),
    ],
)
def test_pixels_and_orientation_stay(kind, options, orientation):
    before = stored(kind, orientation, **options)
    assert b"Camera" in before
    after = without_metadata(before, orientation)
    for secret in (b"Camera", b"GPS"):
        assert secret not in after
    with Image.open(io.BytesIO(before)) as old, Image.open(io.BytesIO(after)) as new:
        np.testing.assert_array_equal(np.asarray(old), np.asarray(new))
        assert dict(new.getexif()) == ({0x0112: orientation} if orientation != 1 else {})
        assert new.info.get("xmp") is None


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP"])
def test_a_file_without_metadata_stays_byte_for_byte(kind):
    content = encode(smooth(), kind)
    assert without_metadata(content, 1) == content


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_it_is_done_once_and_for_all(kind, orientation):
    once = without_metadata(stored(kind, orientation), orientation)
    assert without_metadata(once, orientation) == once


def test_texts_and_times_of_a_png_go():
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Author", "someone")
    texts.add_itxt("XML:com.adobe.xmp", "GPS", zip=True)
    content = encode(smooth(), "PNG", pnginfo=texts)
    assert without_metadata(content, 1) == encode(smooth(), "PNG")


def test_colour_profiles_stay():
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for kind in ("JPEG", "PNG", "WEBP"):
        kept = without_metadata(stored(kind, icc_profile=profile), 1)
        with Image.open(io.BytesIO(kept)) as image:
            assert image.info["icc_profile"] == profile


def test_further_images_behind_a_jpeg_go():
    single = encode(smooth(), "JPEG")
    both = encode(smooth(), "MPO", save_all=True, append_images=[smooth(seed=1)])
    kept = without_metadata(both, 1)
    assert kept.count(b"\xff\xd8\xff") == 1
    assert kept.endswith(b"\xff\xd9")
    with Image.open(io.BytesIO(kept)) as image, Image.open(io.BytesIO(single)) as alone:
        assert image.format == "JPEG"
        np.testing.assert_array_equal(np.asarray(image), np.asarray(alone))


def test_a_jpeg_without_an_end_is_kept_whole():
    content = encode(smooth(), "JPEG")[:-2]
    assert without_metadata(content, 1) == content


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xd8\xff\xe0\x00\x01",
        b"\xff\xd8\xff\xe0\xff\xff",
        b"\x89PNG\r\n\x1a\n\xff\xff\xff\xff",
    ],
)
def test_a_structure_that_is_not_understood_is_refused(content):
    with pytest.raises(ValueError, match="not understood"):
        without_metadata(content, 1)
