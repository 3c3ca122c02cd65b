"""Removes metadata from image files without changing a pixel.

EXIF, XMP, IPTC and comments go, and with them positions, names and serial numbers of cameras. The
orientation stays, as EXIF with that one entry, and so do colour profiles.
"""

import re
import struct
import zlib

_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""A marker in the compressed pixels of a JPEG that ends them; others are stuffing and restarts."""

_PNG_TEXTS = {b"eXIf", b"tEXt", b"zTXt", b"iTXt", b"tIME"}


def without_metadata(content: bytes, orientation: int) -> bytes:
    """Returns an image file without its metadata. What has none comes back as it is.

    What follows the first image of a JPEG (as in an MPO) goes too. Formats other than JPEG, PNG and
    WebP hold no EXIF and come back as they are.

    Args:
        content: The content of the file.
        orientation: The orientation from 1 to 8 that the file has to keep.

    Raises:
        ValueError: If the structure of the file is not understood.
    """
    try:
        if content.startswith(b"\xff\xd8\xff"):
            return _of_jpeg(content, orientation)
        if content.startswith(b"\x89PNG\r\n\x1a\n"):
            return _of_png(content, orientation)
        if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
            return _of_webp(content, orientation)
    except (IndexError, struct.error) as error:
        raise ValueError("its structure is not understood") from error
    return content


def _exif(orientation: int) -> bytes:
    """Returns EXIF with nothing but an orientation."""
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    return b"II*\0" + struct.pack("<IH", 8, 1) + entry + bytes(4)


def _of_jpeg(content: bytes, orientation: int) -> bytes:
    kept, position, has_orientation = [content[:2]], 2, False
    if orientation != 1:
        block = b"Exif\0\0" + _exif(orientation)
        whole = b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block
        has_orientation = content.find(whole) == 2
        kept.append(whole)
    while True:
        if content[position] != 0xFF:
            raise ValueError("its segments are not understood")
        marker = content[position + 1]
        if marker == 0xFF:  # fills up
            position += 1
            continue
        if marker == 0xD9:
            kept.append(content[position : position + 2])
            break
        [length] = struct.unpack_from(">H", content, position + 2)
        end = position + 2 + length
        if length < 2 or end > len(content):
            raise ValueError("its segments are not understood")
        if marker == 0xDA:
            found = _MARKER.search(content, end)
            end = found.start() if found else len(content)
        if _belongs_to_pixels(marker, content[position + 4 : position + 18]):
            kept.append(content[position:end])
        position = end
        if position >= len(content):  # without an end, as some cameras write
            break
    result = b"".join(kept)
    return content if len(result) == len(content) and has_orientation else result


def _belongs_to_pixels(marker: int, head: bytes) -> bool:
    if marker == 0xE0:
        return head.startswith(b"JFIF\0")
    if marker == 0xE2:
        return head.startswith(b"ICC_PROFILE\0")
    if marker == 0xEE:
        return head.startswith(b"Adobe")
    return not (0xE1 <= marker <= 0xEF or marker == 0xFE)


def _of_png(content: bytes, orientation: int) -> bytes:
    kept, position = [content[:8]], 8
    while position < len(content):
        size, kind = struct.unpack_from(">I4s", content, position)
        end = position + 12 + size
        if end > len(content):
            raise ValueError("its chunks are not understood")
        if kind not in _PNG_TEXTS:
            kept.append(content[position:end])
        if kind == b"IHDR" and orientation != 1:
            body = b"eXIf" + _exif(orientation)
            kept.append(struct.pack(">I", len(body) - 4) + body)
            kept.append(struct.pack(">I", zlib.crc32(body)))
        position = end
        if kind == b"IEND":
            break
    return b"".join(kept)


def _of_webp(content: bytes, orientation: int) -> bytes:
    chunks, position = [], 12
    [announced] = struct.unpack_from("<I", content, 4)
    while position < min(len(content), announced + 8):
        kind, size = struct.unpack_from("<4sI", content, position)
        end = position + 8 + size + size % 2
        if position + 8 + size > len(content):
            raise ValueError("its chunks are not understood")
        if kind not in (b"EXIF", b"XMP "):
            chunks.append([kind, content[position + 8 : position + 8 + size]])
        position = end
    extended = next((chunk for chunk in chunks if chunk[0] == b"VP8X"), None)
    if extended is not None:  # without it there is no metadata
        flags = extended[1][0] & ~0b1100 | (0b1000 if orientation != 1 else 0)
        extended[1] = bytes([flags]) + extended[1][1:]
        if orientation != 1:
            chunks.append([b"EXIF", _exif(orientation)])
    body = b"WEBP" + b"".join(
        kind + struct.pack("<I", len(data)) + data + bytes(len(data) % 2) for kind, data in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body
