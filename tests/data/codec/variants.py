"""Writes the variants that PNG, BMP and GIF allow, byte by byte: Pillow writes only a few."""

import io
import itertools
import struct
import zlib
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageOps

HEIGHT, WIDTH = 9, 13
"""Odd sides, so that rows of every bit depth end inside a byte."""


def picture() -> np.ndarray:
    """An asymmetric RGB image that JPEG keeps almost unchanged."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    planes = [255 * x / WIDTH, 255 * y / HEIGHT, 255 * x * y / (WIDTH * HEIGHT)]
    return np.stack(planes, axis=-1).astype(np.uint8)


def samples(depth: int, channels: int = 1) -> np.ndarray:
    """Random samples of a bit depth, uint32 `(h, w, channels)`."""
    rng = np.random.default_rng(100 * depth + channels)
    return rng.integers(0, 2**depth, (HEIGHT, WIDTH, channels)).astype(np.uint32)


def colours(count: int) -> np.ndarray:
    """A palette of different colours, none of them grey, uint8 `(count, 3)`."""
    index = np.arange(count)
    return np.stack([255 - index, index, (7 * index + 90) % 256], axis=-1).astype(np.uint8)


def encode(image: Image.Image, image_format: str, **options) -> bytes:
    """The content of a file that Pillow writes."""
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def with_pillow(content: bytes) -> np.ndarray:
    """The upright RGB pixels that Pillow reads from the content of a file."""
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


def pack(values: np.ndarray, bits: int) -> list[bytes]:
    """Packs rows of samples, the first in the high bits of its byte; rows end at a byte."""
    rows = values.reshape(len(values), -1).astype(np.uint32)
    planes = rows[..., np.newaxis] >> np.arange(bits - 1, -1, -1, dtype=np.uint32) & 1
    return [row.tobytes() for row in np.packbits(planes.reshape(len(rows), -1) > 0, axis=1)]


def bmp(
    bits: int,
    pixels: np.ndarray,
    *,
    header: int = 40,
    masks: Sequence[int] = (),
    compression: int | None = None,
    palette: np.ndarray | None = None,
    top_down: bool = False,
    gap: int = 0,
    offset: int | None = None,
    colors: int | None = None,
) -> bytes:
    """Writes a BMP.

    Args:
        bits: Per pixel.
        pixels: Numbers of this many bits, `(h, w)`.
        header: Size of the second header: 12, 40, 52, 56, 64, 108 or 124.
        masks: Of red, green, blue and perhaps alpha.
        compression: The field's value; 3 by default if there are masks.
        palette: uint8 `(n, 3)`.
        top_down: Whether the height is negative.
        gap: Unused bytes before the pixels.
        offset: The field's value, if not the true one.
        colors: The field's value, if not the length of the palette.
    """
    height, width = pixels.shape
    entries = np.zeros((0, 3), np.uint8) if palette is None else palette[:, ::-1]
    if compression is None:
        compression = 3 if masks else 0
    if header == 12:
        head = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        signed = -height if top_down else height
        count = len(entries) if colors is None else colors
        head = struct.pack("<IiiHHI", header, width, signed, 1, bits, compression)
        head += struct.pack("<IIIII", 0, 2835, 2835, count, 0)
        if header > 40:
            head += struct.pack(f"<{len(masks)}I", *masks)
        head = head.ljust(header, b"\0")
        if header == 40:
            head += struct.pack(f"<{len(masks)}I", *masks)
    if header != 12:
        entries = np.pad(entries, ((0, 0), (0, 1)))
    head += entries.tobytes() + bytes(gap)
    if bits <= 8:
        rows = pack(pixels, bits)
    else:
        wide = np.ascontiguousarray(pixels, np.uint32).view(np.uint8)
        rows = [row.tobytes() for row in wide.reshape(height, width, 4)[..., : bits // 8]]
    rows = [row + bytes(-len(row) % 4) for row in rows]
    body = b"".join(rows if top_down else rows[::-1])
    start = 14 + len(head) if offset is None else offset
    return b"BM" + struct.pack("<IHHI", 14 + len(head) + len(body), 0, 0, start) + head + body


def chunk(kind: bytes, payload: bytes) -> bytes:
    """A chunk of a PNG."""
    crc = zlib.crc32(kind + payload)
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", crc)


IEND = chunk(b"IEND", b"")
PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Of a PNG's colour types: grey, RGB, palette, grey with alpha, RGBA."""
ADAM7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2)]
ADAM7.append((1, 0, 2, 1))
"""First row and column and the steps of the seven passes."""


def png(
    depth: int,
    colour: int,
    *,
    interlaced: bool = False,
    transparency: bytes = b"",
    before: bytes = b"",
    after: bytes = b"",
    end: bytes = IEND,
    piece: int = 50,
) -> bytes:
    """Writes a PNG of random samples.

    Args:
        depth: Bits a sample.
        colour: The colour type.
        interlaced: Whether its rows come in seven passes.
        transparency: The content of a `tRNS` chunk.
        before: Chunks before the palette and the pixels.
        after: Chunks between pixels and end.
        end: What ends the file.
        piece: The size of an `IDAT` chunk.
    """
    values = samples(depth, PNG_CHANNELS[colour])
    passes = ADAM7 if interlaced else [(0, 0, 1, 1)]
    raw = b""
    for row, column, down, right in passes:
        part = values[row::down, column::right]
        if part.size:
            raw += b"".join(b"\0" + line for line in pack(part, depth))
    packed = zlib.compress(raw)
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, colour, 0, 0, int(interlaced))
    content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before
    if colour == 3:
        content += chunk(b"PLTE", colours(2**depth).tobytes())
    if transparency:
        content += chunk(b"tRNS", transparency)
    pieces = [packed[i : i + piece] for i in range(0, len(packed), piece)]
    return content + b"".join(chunk(b"IDAT", part) for part in pieces) + after + end


def gif(
    *,
    bits: int = 3,
    screen: tuple[int, int] = (WIDTH, HEIGHT),
    corner: tuple[int, int] = (0, 0),
    table: str = "global",
    transparent: int | None = None,
    disposal: int = 0,
    interlaced: bool = False,
    background: int = 0,
    end: bytes = b"\x3b",
) -> bytes:
    """Writes a GIF with one frame of random indices.

    Args:
        bits: Of a colour's index.
        screen: Width and height of the whole image.
        corner: Left and top of the frame in it.
        table: Which colour tables there are: `global`, `local` or `both`, which differ.
        transparent: The index of the transparent colour.
        disposal: What becomes of the frame after it was shown.
        interlaced: Whether its rows come in four passes.
        background: The index of the background's colour.
        end: What ends the file.
    """
    indices = samples(bits)[..., 0]
    tables = {"global": colours(2**bits).tobytes(), "local": colours(2**bits)[::-1].tobytes()}
    has_global, has_local = table != "local", table != "global"
    content = b"GIF89a" + struct.pack(
        "<HHBBB", *screen, 0x80 * has_global | (bits - 1), background, 0
    )
    content += tables["global"] * has_global
    if transparent is not None or disposal:
        flags = disposal << 2 | (transparent is not None)
        content += b"\x21\xf9\4" + struct.pack("<BHBB", flags, 0, transparent or 0, 0)
    flags = 0x80 * has_local | 0x40 * interlaced | (bits - 1)
    content += b"\x2c" + struct.pack("<HHHHB", *corner, WIDTH, HEIGHT, flags)
    content += tables["local"] * has_local
    if interlaced:
        order = [*range(0, HEIGHT, 8), *range(4, HEIGHT, 8), *range(2, HEIGHT, 4)]
        indices = indices[[*order, *range(1, HEIGHT, 2)]]
    return content + _lzw(indices.ravel().tolist(), max(2, bits)) + end


def _lzw(indices: Sequence[int], size: int) -> bytes:
    """Codes of one width: the table is cleared before they grow."""
    clear, packed, position = 1 << size, 0, 0
    codes = []
    for start in range(0, len(indices), clear - 2):
        codes += [clear, *indices[start : start + clear - 2]]
    for code in [*codes, clear + 1]:
        packed |= code << position
        position += size + 1
    data = packed.to_bytes((position + 7) // 8, "little")
    blocks = [data[i : i + 255] for i in range(0, len(data), 255)]
    return bytes([size]) + b"".join(bytes([len(b)]) + b for b in blocks) + b"\0"


ENTRY_TYPES = {"byte": (1, "B"), "short": (3, "H"), "long": (4, "I"), "none": (15, "H")}


def tiff(orientation: int, order: str, kind: str = "short", gap: int = 0, count: int = 1) -> bytes:
    """A TIFF block with an orientation between two other entries.

    Args:
        orientation: Its value.
        order: `<` or `>`.
        kind: Its type, from `ENTRY_TYPES`.
        gap: Bytes between the header and the directory.
        count: How many values the entry announces.
    """
    number, letter = ENTRY_TYPES[kind]
    value = struct.pack(order + letter, orientation).ljust(4, b"\0")
    entries = [
        struct.pack(order + "HHI4s", 0x010F, 2, 4, b"abc\0"),
        struct.pack(order + "HHI4s", 0x0112, number, count, value),
        struct.pack(order + "HHIHH", 0x0128, 3, 1, 2, 0),
    ]
    header = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8 + gap)
    directory = struct.pack(order + "H", len(entries)) + b"".join(entries)
    return header + bytes(gap) + directory + bytes(4)


XMP_FORMS = {
    "attribute": b'<rdf:Description tiff:Orientation="%d" tiff:Make="x"/>',
    "element": b"<tiff:Orientation>%d</tiff:Orientation>",
    "single-quotes": b"<rdf:Description tiff:Orientation='%d'/>",
    "spaces": b'<rdf:Description tiff:Orientation = "%d"/>',
    "sequence": b"<tiff:Orientation><rdf:li>%d</rdf:li></tiff:Orientation>",
    "cut-off": b"<rdf:Description tiff:Orientation",
    "second": b'<a tiff:Orientation/><b tiff:Orientation="%d"/><c tiff:Orientation="2"/>',
}


def xmp(orientation: int, form: str = "attribute") -> bytes:
    """XMP with an orientation, written in a form of `XMP_FORMS`."""
    text = XMP_FORMS[form]
    inside = text % orientation if b"%d" in text else text
    return b'<x:xmpmeta xmlns:x="adobe:ns:meta/">' + inside + b"</x:xmpmeta>"


def all_of(**choices: Sequence) -> list[dict]:
    """Every combination of some options."""
    return [
        dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values())
    ]
