"""Names the features of image files that the decode path does not support, and what to do."""

import struct

from fgmix.data.codec.limits import BMP_HEADER_SIZES

_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
"""The JPEG markers that begin a frame. Their lowest four bits tell its coding."""
_LOSSLESS, _HIERARCHICAL = {0xC3, 0xCB}, {0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF}
_COMPRESSIONS = {
    1: "is run-length encoded (RLE8)",
    2: "is run-length encoded (RLE4)",
    4: "holds a JPEG",
    5: "holds a PNG",
}
AS_PNG = "save it as PNG"


def name_unsupported(content: bytes) -> str | None:
    """Returns the feature of an image file that is not supported, with its remedy; None if none."""
    if content.startswith(b"\xff\xd8\xff"):
        return _of_jpeg(content)
    if content.startswith(b"BM"):
        return _of_bmp(content)
    if content.startswith(b"GIF8"):
        return _of_gif(content)
    if content[:4] == b"RIFF" and content[8:16] == b"WEBPVP8X" and content[20:21]:
        return f"animated WebP: {AS_PNG}" if content[20] & 0b10 else None
    return None


def _of_jpeg(content: bytes) -> str | None:
    position = 2
    while position + 4 < len(content) and content[position] == 0xFF:
        marker = content[position + 1]
        if marker == 0xFF:  # fills up
            position += 1
            continue
        if marker == 0xDA:
            break
        if marker in _FRAMES:
            if content[position + 4] != 8:
                return f"a JPEG with {content[position + 4]} bits a sample: save it with 8"
            if marker in _LOSSLESS:
                return f"a lossless JPEG: {AS_PNG}"
            return f"a hierarchical JPEG: {AS_PNG}" if marker in _HIERARCHICAL else None
        position += 2 + int.from_bytes(content[position + 2 : position + 4], "big")
    return None


def _of_bmp(content: bytes) -> str | None:
    if len(content) < 26:
        return None
    [size] = struct.unpack_from("<I", content, 14)
    if size not in BMP_HEADER_SIZES:
        return f"a BMP with a header of {size} bytes: {AS_PNG}"
    if size == 12:
        [bits], compression = struct.unpack_from("<H", content, 24), 0
    elif len(content) < 14 + size:
        return None
    else:
        bits, compression = struct.unpack_from("<HI", content, 28)
    if bits not in (1, 4, 8, 16, 24, 32):
        return f"a BMP with {bits} bits a pixel: {AS_PNG}"
    if compression == 3 and bits > 8 and len(content) >= 66:
        masks = struct.unpack_from("<III", content, 54)
        # The bits of a contiguous mask, moved to the right, are one less than a power of two.
        if any(mask and (parts := mask // (mask & -mask)) & (parts + 1) for mask in masks):
            return f"a BMP with split colour masks: {AS_PNG}"
    elif compression:
        what = _COMPRESSIONS.get(compression, f"has compression {compression}")
        return f"a BMP that {what}: {AS_PNG}"
    return None


def _of_gif(content: bytes) -> str | None:
    if len(content) < 13 or content[10] & 0x80:
        return None
    position = 13
    while content[position : position + 1] == b"\x21":
        position += 2
        while size := content[position : position + 1].strip(b"\0"):
            position += 1 + size[0]
        position += 1
    descriptor = content[position : position + 10]
    if len(descriptor) == 10 and descriptor[0] == 0x2C and not descriptor[9] & 0x80:
        return f"a GIF without a colour table: {AS_PNG}"
    return None
