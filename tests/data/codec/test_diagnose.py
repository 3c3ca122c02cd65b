"""Which files can be read, and why the others can't: every kind of bad file by its own reason."""

import io
import struct
import zlib

import pytest
from PIL import Image

from fgmix.data.codec import headers
from fgmix.data.codec.diagnose import read_header, refuse_unreadable, unreadable_files
from fgmix.data.codec.headers import MAX_PIXELS
from fgmix.errors import FgmixError
from tests.pictures import write_noise, write_plain


def png_header(width, height):
    """A PNG that announces a size but has no pixels."""

    def chunk(kind, payload):
        body = kind + payload
        return struct.pack(">I", len(payload)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b""))


def encoded(image_format, **options):
    buffer = io.BytesIO()
    Image.effect_noise((60, 40), 80).convert("RGB").save(buffer, image_format, **options)
    return buffer.getvalue()


def half(content):
    return content[: len(content) // 2]


BAD = {
    "zero.jpg": (lambda: b"", "empty: zero bytes"),
    "half.jpg": (lambda: half(encoded("JPEG")), "truncated"),
    "half.png": (lambda: half(encoded("PNG")), "truncated"),
    "stump.jpg": (lambda: encoded("JPEG")[:10], "damaged or truncated near its beginning"),
    "text.jpg": (lambda: b"not a photo", "not an image"),
    "page.jpg": (lambda: b"\n<!DOCTYPE html><html>404</html>", "a web page"),
    "tiff.jpg": (lambda: encoded("TIFF"), "format not supported: TIFF"),
    "phone.jpg": (lambda: b"\0\0\0\x18ftypheic" + b"\0" * 40, "HEIC"),
    "film.webp": (
        lambda: encoded("WEBP", save_all=True, append_images=[Image.new("RGB", (60, 40))]),
        "animated WebP",
    ),
    "bomb.png": (lambda: png_header(50_000, 50_000), "too large: more than 100 megapixels"),
    "big.png": (lambda: png_header(10_001, 10_000), "too large: more than 100 megapixels"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BAD)
def test_every_kind_of_bad_file_has_its_reason(tmp_path, name):
    make, reason = BAD[name]
    (tmp_path / name).write_bytes(make())
    [(file, found)] = unreadable_files([str(tmp_path / name)]).items()
    assert file == str(tmp_path / name)
    assert reason in found


def test_bad_files_are_named_in_order_and_good_ones_are_not(tmp_path):
    write_noise(tmp_path / "whole.jpg")
    write_plain(tmp_path / "grün.bmp")
    (tmp_path / "text.jpg").write_text("not a photo")
    names = ["whole.jpg", "text.jpg", "grün.bmp", "missing.jpg", "whole.jpg"]
    files = [str(tmp_path / name) for name in names]
    bad = unreadable_files(files)
    assert list(bad) == [files[1], files[3]]
    assert bad[files[3]] == "No such file or directory"


def test_of_no_files_none_is_unreadable():
    assert unreadable_files([]) == {}


@pytest.mark.slow
def test_the_limit_is_in_pixels_and_what_is_at_it_is_decoded(tmp_path, monkeypatch):
    # A complete image, which would decode.
    file = str(write_plain(tmp_path / "large.png", size=(40, 30)))
    monkeypatch.setattr(headers, "MAX_PIXELS", 40 * 30 - 1)
    assert "too large" in unreadable_files([file])[file]
    monkeypatch.setattr(headers, "MAX_PIXELS", 40 * 30)
    assert unreadable_files([file]) == {}


def test_a_header_tells_format_and_size_without_the_pixels():
    assert read_header(io.BytesIO(png_header(10_000, MAX_PIXELS // 10_000))) == ("PNG", False)
    assert read_header(io.BytesIO(png_header(10_001, 10_000))) == ("PNG", True)
    assert read_header(io.BytesIO(png_header(50_000, 50_000))).too_large
    assert read_header(io.BytesIO(b"nothing")) == (None, False)


def test_what_pillow_does_not_know_and_the_decode_path_does_is_not_bad(tmp_path):
    # A wrong checksum in a chunk that is not part of the image.
    png = encoded("PNG")
    text = struct.pack(">I", 4) + b"tEXt" + b"a\0bc" + b"\0\0\0\0"
    (tmp_path / "odd.png").write_bytes(png[:33] + text + png[33:])
    with pytest.raises(OSError), Image.open(tmp_path / "odd.png") as image:
        image.load()
    assert unreadable_files([str(tmp_path / "odd.png")]) == {}


@pytest.mark.slow
def test_bad_files_are_refused_by_the_first_name_its_reason_and_a_count(tmp_path):
    good = str(write_noise(tmp_path / "good.jpg"))
    bad = [str(tmp_path / name) for name in ("a.jpg", "b.jpg", "c.jpg")]
    reason = r"\(No such file or directory\)"
    with pytest.raises(FgmixError, match=rf"^not a readable image: .*a\.jpg {reason} and 2 more: "):
        refuse_unreadable([good, *bad])
    with pytest.raises(FgmixError, match=rf"^not a readable image: .*b\.jpg {reason}: pray"):
        refuse_unreadable([bad[1], good], "pray")
    refuse_unreadable([good])
