"""Every variant of a format that is read has Pillow's pixels; `test_unsupported` has the others.

JPEG and WebP may differ by one level, where versions of their libraries round otherwise; the other
formats not at all. Alpha is dropped, except that transparent pixels of a GIF are
black. Of 16-bit samples, the high byte counts (Pillow saturates grey ones).
"""

import base64
import io
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from fgmix.data.codec.png_text import MAX_COMPRESSED
from fgmix.data.codec.unsupported import name_unsupported
from tests.data.codec.variants import (
    HEIGHT,
    IEND,
    WIDTH,
    XMP_FORMS,
    all_of,
    bmp,
    chunk,
    colours,
    encode,
    gif,
    picture,
    png,
    samples,
    tiff,
    with_pillow,
    xmp,
)


def name_of(options: dict) -> str:
    return "-".join(f"{key}={value}" for key, value in options.items())


def pixels(bits: int) -> np.ndarray:
    return samples(bits)[..., 0]


def bmps() -> dict[str, bytes]:
    """BMPs that Pillow reads."""
    made = {}
    headers = (12, 40, 52, 56, 64, 108, 124)
    for o in all_of(bits=(1, 4, 8, 16, 24, 32), header=headers, top_down=(False, True)):
        if o["header"] == 12 and (o["top_down"] or o["bits"] in (16, 32)):
            continue
        deep = o["bits"] > 8
        palette = None if deep else colours(2 ** o["bits"])
        made[name_of(o)] = bmp(pixels=pixels(32 if deep else o["bits"]), palette=palette, **o)
    masks = {
        16: [(0xF800, 0x7E0, 0x1F), (0x7C00, 0x3E0, 0x1F)],
        24: [(0xFF0000, 0xFF00, 0xFF)],
        32: [
            (0xFF0000, 0xFF00, 0xFF, 0),
            (0xFF000000, 0xFF0000, 0xFF00, 0),
            (0xFF000000, 0xFF00, 0xFF, 0),
            (0xFF000000, 0xFF0000, 0xFF00, 0xFF),
            (0xFF, 0xFF00, 0xFF0000, 0xFF000000),
            (0xFF0000, 0xFF00, 0xFF, 0xFF000000),
            (0xFF000000, 0xFF00, 0xFF, 0xFF0000),
            (0, 0, 0, 0),
        ],
    }
    for bits, layouts in masks.items():
        for layout in layouts:
            for o in all_of(header=(40, 52, 56, 108, 124), top_down=(False, True), gap=(0, 6)):
                alpha = layout[3:] if o["header"] >= 56 else ()
                if any(layout[3:]) and not alpha:
                    continue
                named = "/".join(f"{mask:x}" for mask in layout)
                made[f"bits={bits}-masks={named}-{name_of(o)}"] = bmp(
                    bits, pixels(32), masks=(*layout[:3], *alpha), **o
                )
    for bits in (1, 4, 8):
        few = max(2, 2**bits // 3)
        made[f"bits={bits}-few-colours"] = bmp(bits, pixels(bits) % few, palette=colours(few))
        made[f"bits={bits}-index-past-the-palette"] = bmp(bits, pixels(bits), palette=colours(few))
        made[f"bits={bits}-colours-unsaid"] = bmp(
            bits, pixels(bits), palette=colours(2**bits), colors=0
        )
        made[f"bits={bits}-gap"] = bmp(bits, pixels(bits), palette=colours(2**bits), gap=10)
        made[f"bits={bits}-no-offset"] = bmp(bits, pixels(bits), palette=colours(2**bits), offset=0)
        made[f"bits={bits}-offset-of-palette"] = bmp(
            bits, pixels(bits), palette=colours(2**bits), offset=54
        )
        grey = np.repeat(np.linspace(0, 255, 2**bits).astype(np.uint8)[:, np.newaxis], 3, axis=1)
        made[f"bits={bits}-grey"] = bmp(bits, pixels(bits), palette=grey)
        made[f"bits={bits}-grey-from-white"] = bmp(bits, pixels(bits), palette=grey[::-1])
    for bits in (16, 24, 32):
        made[f"bits={bits}-no-offset"] = bmp(bits, pixels(32), offset=0)
        made[f"bits={bits}-gap"] = bmp(bits, pixels(32), gap=10)
    made["bytes-behind"] = bmp(24, pixels(32)) + b"behind"
    made["bits=24-palette"] = bmp(24, pixels(32), palette=colours(7))
    made["bits=32-palette"] = bmp(32, pixels(32), palette=colours(7))
    return made


def raw_profile(content: bytes, upper: bool = False) -> bytes:
    """EXIF as ImageMagick puts it into a text."""
    digits = content.hex().upper() if upper else content.hex()
    lines = [digits[i : i + 72] for i in range(0, len(digits), 72)]
    return "\n".join(["", "exif", f"{len(content):8d}", *lines, ""]).encode()


def exif_chunk(orientation: int) -> bytes:
    return chunk(b"eXIf", tiff(orientation, ">"))


def pngs() -> dict[str, bytes]:
    made = {}
    depths = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
    transparencies = {0: b"\0\1", 2: b"\0\1\0\2\0\3", 3: b"\0\x80"}
    for colour, allowed in depths.items():
        for o in all_of(depth=allowed, interlaced=(False, True), transparent=(False, True)):
            transparent = o["transparent"] and transparencies.get(colour, b"")
            if o["transparent"] and not transparent:
                continue
            made[f"colour={colour}-{name_of(o)}"] = png(
                o["depth"], colour, interlaced=o["interlaced"], transparency=transparent or b""
            )
    gamma = chunk(b"gAMA", struct.pack(">I", 100_000))
    for label, before in {
        "gamma": gamma,
        "srgb": chunk(b"sRGB", b"\0"),
        "text": chunk(b"tEXt", b"a\0b"),
    }.items():
        made[label] = png(8, 2, before=before)
    for orientation in range(1, 9):
        exif = exif_chunk(orientation)
        made[f"exif-before-{orientation}"] = png(8, 2, before=exif)
        made[f"exif-after-{orientation}"] = png(8, 2, after=exif)
    exif = chunk(b"eXIf", tiff(6, "<"))
    made["exif-after-many-chunks"] = png(8, 2, after=exif, piece=1)
    text = b"XML:com.adobe.xmp\0\0\0\0\0" + xmp(6)
    made["xmp"] = png(8, 2, before=chunk(b"iTXt", text))
    zipped = b"XML:com.adobe.xmp\0\1\0en\0key\0" + zlib.compress(xmp(6))
    made["xmp-compressed"] = png(8, 2, before=chunk(b"iTXt", zipped))
    for upper in (False, True):
        profile = raw_profile(b"Exif\0\0" + tiff(6, "<"), upper)
        key = b"Raw profile type exif\0"
        made[f"exif-in-text-{upper}"] = png(8, 2, before=chunk(b"tEXt", key + profile))
        zipped = chunk(b"zTXt", key + b"\0" + zlib.compress(profile))
        made[f"exif-in-compressed-text-{upper}"] = png(8, 2, before=zipped)
        made[f"exif-in-text-after-{upper}"] = png(8, 2, after=zipped)
        made[f"exif-in-chunk-and-text-{upper}"] = png(8, 2, before=zipped + exif_chunk(3))
    other = b"Raw profile type iptc\0" + raw_profile(b"Exif\0\0" + tiff(6, "<"))
    made["other-profile"] = png(8, 2, before=chunk(b"tEXt", other))
    made["xmp-after"] = png(8, 2, after=chunk(b"iTXt", text))
    made["other-text"] = png(8, 2, before=chunk(b"iTXt", text.replace(b"com.adobe", b"com.other")))
    made["xmp-and-exif"] = png(8, 2, before=chunk(b"iTXt", text), after=exif_chunk(3))
    made["no-end"] = png(8, 2, end=b"")
    made["no-end-but-exif"] = png(8, 2, after=exif, end=b"")
    made["bytes-behind"] = png(8, 2, end=IEND + b"behind")
    return made


def gifs() -> dict[str, bytes]:
    made = {}
    for o in all_of(
        bits=(1, 3, 8),
        table=("global", "local", "both"),
        interlaced=(False, True),
        transparent=(None, 1),
    ):
        made[name_of(o)] = gif(**o)
    for o in all_of(
        corner=((0, 0), (2, 3), (4, 1)),
        transparent=(None, 1),
        disposal=(0, 1, 2, 3),
        table=("global", "both"),
    ):
        made["smaller-" + name_of(o)] = gif(screen=(WIDTH + 4, HEIGHT + 3), background=3, **o)
    made["past-the-screen"] = gif(screen=(5, 4), corner=(1, 2))
    made["wide-screen"] = gif(screen=(WIDTH + 9, 4))
    made["no-end"] = gif(end=b"")
    made["bytes-behind"] = gif(end=b"\x3bbehind")
    return made


def jpeg(mode: str = "RGB", **options) -> bytes:
    return encode(Image.fromarray(picture()).convert(mode), "JPEG", quality=90, **options)


def segment(marker: int, payload: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def put(content: bytes, segments: bytes) -> bytes:
    """Puts segments at the front of a JPEG."""
    return content[:2] + segments + content[2:]


def xmp_segment(content: bytes) -> bytes:
    return segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + content)


def without(content: bytes, marker: int) -> bytes:
    """Removes the first segment of a marker from a JPEG."""
    start = content.index(bytes([0xFF, marker]))
    size = struct.unpack(">H", content[start + 2 : start + 4])[0]
    return content[:start] + content[start + 2 + size :]


def named(content: bytes, ids: bytes) -> bytes:
    """Renames the components of a JPEG without a JFIF marker."""
    made = bytearray(without(content, 0xE0))
    frame, scan = made.index(b"\xff\xc0"), made.index(b"\xff\xda")
    for number, name in enumerate(ids):
        made[frame + 10 + 3 * number] = name
        made[scan + 5 + 2 * number] = name
    return bytes(made)


ARITHMETIC = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywt"
    "QFdBRkxOUlNSMj5aYVpQYEpRUk//2wBDAQ4ODhMREyYVFSZPNS01T09PT09PT09PT09PT09PT09PT09PT09PT09PT09P"
    "T09PT09PT09PT09PT09PT09PT0//yQARCAAJAA0DAREAAhEBAxEB/8wACgAQEAUBEBEF/9oADAMBAAIRAxEAPwD/ACfL"
    "rIqOnMKeL2FW3nc1Qb6CGgOOJ5xYNpMnHMR4k0RAC9jsNjqs5hPCKrsqFPZk9Tx1dXj/2Q=="
)
"""`cjpeg -arithmetic` of `picture()`; Pillow can't write it."""


def jpegs() -> dict[str, bytes]:
    made = {
        f"{mode}-{name_of(o)}": jpeg(mode, **o)
        for mode in ("RGB", "L", "CMYK")
        for o in all_of(subsampling=(0, 1, 2), progressive=(False, True), optimize=(False, True))
    }
    made["restart"] = jpeg(restart_marker_blocks=1)
    made["rgb-by-adobe"] = jpeg(keep_rgb=True)
    made["rgb-by-names"] = named(jpeg(), b"RGB")
    made["ycbcr-by-names"] = named(jpeg(), b"\1\2\3")
    made["other-names"] = named(jpeg(), b"abc")
    adobe = jpeg("CMYK")
    assert b"Adobe\0d\0\0\0\0\0" in adobe
    made["ycck"] = adobe.replace(b"Adobe\0d\0\0\0\0\0", b"Adobe\0d\0\0\0\0\2")
    made["cmyk-without-adobe"] = without(adobe, 0xEE)
    made["bytes-behind"] = jpeg() + b"behind"
    made["zeros-behind"] = jpeg() + bytes(1000)
    made["comment"] = put(jpeg(), segment(0xFE, b"comment"))
    made["arithmetic"] = ARITHMETIC
    for o in all_of(
        orientation=range(10), order="<>", kind=("short", "long", "byte"), gap=(0, 1, 30)
    ):
        made["exif-" + name_of(o)] = put(jpeg(), segment(0xE1, b"Exif\0\0" + tiff(**o)))
    for order in "<>":
        made[f"exif-two-values-{order}"] = put(
            jpeg(), segment(0xE1, b"Exif\0\0" + tiff(6, order, count=2))
        )
    whole = b"Exif\0\0" + tiff(6, ">", gap=40)
    made["exif-in-two-segments"] = put(
        jpeg(), segment(0xE1, whole[:30]) + segment(0xE1, b"Exif\0\0" + whole[30:])
    )
    made["exif-twice"] = put(
        jpeg(),
        segment(0xE1, b"Exif\0\0" + tiff(6, ">")) + segment(0xE1, b"Exif\0\0" + tiff(3, "<")),
    )
    for order, start in {"<": b"II\0*", ">": b"MM*\0"}.items():
        made[f"exif-odd-magic-{order}"] = put(
            jpeg(), segment(0xE1, b"Exif\0\0" + start + tiff(6, order)[4:])
        )
    for o in all_of(orientation=range(10), form=XMP_FORMS):
        made["xmp-" + name_of(o)] = put(jpeg(), xmp_segment(xmp(**o)))
    for name, count, kind in (("no-values", 0, "short"), ("far", 9, "long"), ("type", 1, "none")):
        block = tiff(6, "<", kind, count=count)
        made[f"exif-{name}-xmp"] = put(
            jpeg(), segment(0xE1, b"Exif\0\0" + block) + xmp_segment(xmp(3))
        )
    # The value of an entry before the orientation lies past the end.
    cut = tiff(6, "<").replace(b"\x0f\1\2\0\4", b"\x0f\1\2\0\x40")
    made["exif-cut-xmp"] = put(jpeg(), segment(0xE1, b"Exif\0\0" + cut) + xmp_segment(xmp(3)))
    silent = tiff(6, "<").replace(struct.pack("<H", 0x0112), struct.pack("<H", 0x0110))
    for name, block in {"silent": silent, "invalid": tiff(0, "<"), "other": tiff(3, "<")}.items():
        segments = segment(0xE1, b"Exif\0\0" + block), xmp_segment(xmp(6))
        made[f"exif-{name}-xmp"] = put(jpeg(), b"".join(segments))
        made[f"xmp-exif-{name}"] = put(jpeg(), b"".join(segments[::-1]))
    made["xmp-twice"] = put(jpeg(), xmp_segment(xmp(6)) + xmp_segment(xmp(3)))
    made["xmp-empty"] = put(jpeg(), xmp_segment(b""))
    made["xmp-extended"] = put(jpeg(), segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0"))
    two = bytearray(tiff(6, "<"))
    two[34:46] = struct.pack("<HHIHH", 0x0112, 3, 1, 3, 0)
    made["exif-orientation-twice"] = put(jpeg(), segment(0xE1, b"Exif\0\0" + two))
    return made


def webps() -> dict[str, bytes]:
    image = Image.fromarray(picture())
    clear = Image.fromarray(np.concatenate([picture(), 255 - picture()[..., :1]], -1), "RGBA")
    made = {}
    for o in all_of(
        mode=("RGB", "RGBA"), lossless=(False, True), orientation=(0, 1, 3, 6, 8), order="<>"
    ):
        exif = {"exif": tiff(o["orientation"], o["order"])} if o["orientation"] else {}
        source = image if o["mode"] == "RGB" else clear
        made[name_of(o)] = encode(source, "WEBP", lossless=o["lossless"], exact=True, **exif)
    made["xmp"] = encode(image, "WEBP", xmp=xmp(6))
    made["xmp-and-exif"] = encode(image, "WEBP", xmp=xmp(6), exif=tiff(3, "<"))
    unsaid = bytearray(encode(image, "WEBP", xmp=xmp(6)))
    unsaid[20] &= ~0x04
    made["xmp-not-announced"] = bytes(unsaid)
    unsaid = bytearray(encode(image, "WEBP", exif=tiff(6, "<")))
    assert unsaid[12:16] == b"VP8X"
    unsaid[20] &= ~0x08
    made["exif-not-announced"] = bytes(unsaid)
    made["profile"] = encode(image, "WEBP", icc_profile=b"x" * 9)
    made["bytes-behind"] = encode(image, "WEBP") + b"behind"
    return made


TOLERANCE = {"bmp": 0, "png": 0, "gif": 0, "jpeg": 1, "webp": 1}
KINDS = {"bmp": bmps, "png": pngs, "gif": gifs, "jpeg": jpegs, "webp": webps}


def transparent_is_black(content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content)) as image:
        rgba = np.asarray(image.convert("RGBA"))
    return np.where(rgba[..., 3:] > 0, rgba[..., :3], 0)


def high_byte(content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content)) as image:
        grey = np.asarray(image.convert("I")) >> 8
    return np.repeat(grey[..., np.newaxis], 3, axis=-1)


def expected(kind: str, name: str, content: bytes) -> np.ndarray:
    """Pillow's pixels, but for what the module's docstring says."""
    if kind == "gif":
        return transparent_is_black(content)
    if kind == "png" and "colour=0-depth=16" in name:
        return high_byte(content)
    return with_pillow(content)


@pytest.mark.parametrize("kind", KINDS)
def test_every_variant_has_the_pixels_that_pillow_reads(decode, kind):
    wrong = {}
    for name, content in KINDS[kind]().items():
        wanted = expected(kind, name, content).astype(int)
        assert name_unsupported(content) is None
        try:
            found = decode(content)
        except tf.errors.InvalidArgumentError as error:
            wrong[name] = str(error)[-200:]
            continue
        if found.shape != wanted.shape:
            wrong[name] = f"{found.shape}, not {wanted.shape}"
        elif np.abs(found - wanted).max() > TOLERANCE[kind]:
            wrong[name] = f"off by {np.abs(found - wanted).max()} levels"
    assert not wrong


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (b"tEXt", b"Raw profile type exif\0"),
        (b"tEXt", b"Raw profile type exif\0\nexif\n 9\nno hexadecimal digits"),
        (b"tEXt", b"Raw profile type exif\0\nexif\n"),
        (b"zTXt", b"Raw profile type exif\0"),
        (b"zTXt", b"Raw profile type exif\0\0"),
        (b"zTXt", b"Raw profile type exif\0\0" + bytes(MAX_COMPRESSED + 1)),
        (b"iTXt", b"XML:com.adobe.xmp\0"),
        (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0"),
        (b"iTXt", b"XML:com.adobe.xmp\0\0\0" + xmp(6)),
    ],
)
def test_malformed_texts_of_a_png_are_ignored(decode, kind, payload):
    content = png(8, 2, before=chunk(kind, payload))
    np.testing.assert_array_equal(decode(content), decode(png(8, 2)))


def test_a_chunk_that_announces_more_than_the_file_takes_no_memory(decode):
    content = png(8, 2)
    start = content.index(b"IDAT") - 4
    with pytest.raises(tf.errors.InvalidArgumentError, match="Invalid PNG"):
        decode(content[:start] + b"\x7f\xff\xff\xff" + content[start + 4 :])


def scaled(values: np.ndarray, mask: int) -> np.ndarray:
    """The part of pixels under a mask, from 0 to 255."""
    largest = mask // (mask & -mask)
    part = (values & mask) // (mask & -mask)
    if largest > 255:  # the highest eight bits
        part, largest = part // ((largest + 1) // 256), 255
    return part * 255 // largest


@pytest.mark.parametrize(
    ("bits", "masks"),
    [
        (32, (0x3FF00000, 0xFFC00, 0x3FF)),
        (32, (0xFF, 0xFF00, 0xFF0000)),
        (32, (0xF, 0xFF0, 0xFFFFF000)),
        (32, (0xFF0, 0xFF000, 0xFF00000)),
        (24, (0xFF, 0xFF00, 0xFF0000)),
        (16, (0xF00, 0xF0, 0xF)),
        (16, (0x1F, 0x7E0, 0xF800)),
        (16, (0xF000, 0x0FFE, 0x1)),
    ],
)
def test_any_contiguous_masks_of_a_bmp_are_read(decode, bits, masks):
    values = pixels(32).astype(np.int64) % 2**bits
    wanted = np.stack([scaled(values, mask) for mask in masks], axis=-1)
    np.testing.assert_array_equal(decode(bmp(bits, values, masks=masks)), wanted)


@pytest.mark.parametrize("bits", [4, 8])
def test_a_bmp_of_two_colours_may_have_more_bits_than_it_needs(decode, bits):
    # Pillow reads black and white as one bit a pixel, whatever the header says.
    black_and_white = np.array([[0] * 3, [255] * 3], np.uint8)
    wanted = black_and_white[pixels(1)]
    np.testing.assert_array_equal(decode(bmp(bits, pixels(1), palette=black_and_white)), wanted)
