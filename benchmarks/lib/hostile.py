"""Hostile byte strings for `serving_fuzz.py` and its short test."""

import io
import random
import struct
import zlib
from collections.abc import Callable

import numpy as np
from PIL import Image

FORMATS = {
    "jpeg": ("JPEG", {}),
    "jpeg-progressive": ("JPEG", {"progressive": True}),
    "jpeg-cmyk": ("JPEG", {"mode": "CMYK"}),
    "jpeg-exif": ("JPEG", {"orientation": 6}),
    "png": ("PNG", {}),
    "png-palette": ("PNG", {"mode": "P"}),
    "png-alpha": ("PNG", {"mode": "RGBA"}),
    "gif": ("GIF", {"mode": "P"}),
    "gif-animated": ("GIF", {"mode": "P", "frames": 3}),
    "bmp": ("BMP", {}),
    "bmp-palette": ("BMP", {"mode": "P"}),
    "webp-lossy": ("WEBP", {"quality": 80}),
    "webp-lossless": ("WEBP", {"lossless": True, "mode": "RGBA"}),
    "webp-animated": ("WEBP", {"frames": 3}),
}
"""The valid files that damaged ones are made from: Pillow's format and options of each."""

SIDES = (0, 1, 9_999, 10_001, 32_768, 65_535, 2**24 - 1, 2**31 - 1, 2**32 - 1)
"""Announced sides: zero, one, the largest square that is decoded, and beyond."""

MAGIC = (b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"RIFF\x10\0\0\0WEBPVP8 ")


def draw(chance: random.Random, name: str) -> bytes:
    """Returns a valid picture in one of `FORMATS`, with sides of 1 to 200 pixels."""
    kind, options = FORMATS[name]
    options = dict(options)
    mode, frames = options.pop("mode", "RGB"), options.pop("frames", 1)
    if orientation := options.pop("orientation", None):
        exif = Image.Exif()
        exif[274] = orientation
        options["exif"] = exif
    width, height = chance.randint(1, 200), chance.randint(1, 200)
    pictures = [
        Image.frombytes("RGB", (width, height), chance.randbytes(3 * width * height)).convert(mode)
        for _ in range(frames)
    ]
    if frames > 1:
        options |= {"save_all": True, "append_images": pictures[1:]}
    buffer = io.BytesIO()
    pictures[0].save(buffer, kind, **options)
    return buffer.getvalue()


def _any(chance: random.Random) -> bytes:
    return draw(chance, chance.choice(list(FORMATS)))


def _noise(chance: random.Random) -> bytes:
    return chance.randbytes(chance.randint(1, 4096))


def _magic(chance: random.Random) -> bytes:
    return chance.choice(MAGIC) + chance.randbytes(chance.randint(0, 4096))


def _truncated(chance: random.Random) -> bytes:
    content = _any(chance)
    return content[: chance.randrange(len(content))]


def _flipped(chance: random.Random) -> bytes:
    content = bytearray(_any(chance))
    for _ in range(chance.choice((1, 2, 8, 64))):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    return bytes(content)


def _flipped_head(chance: random.Random) -> bytes:
    """Flips bits where sizes, offsets and counts are stored."""
    content = bytearray(_any(chance))
    for _ in range(chance.choice((1, 4, 16))):
        content[chance.randrange(min(64, len(content)))] ^= 1 << chance.randrange(8)
    return bytes(content)


def _spliced(chance: random.Random) -> bytes:
    """Joins the beginning of one file and the end of another."""
    first, second = _any(chance), _any(chance)
    return first[: chance.randrange(len(first))] + second[chance.randrange(len(second)) :]


def _doubled(chance: random.Random) -> bytes:
    """Repeats a piece of a file within it."""
    content = _any(chance)
    start, end = sorted(chance.randrange(len(content)) for _ in range(2))
    return content[:end] + content[start:end] * chance.randint(1, 50) + content[end:]


def _giant(chance: random.Random) -> bytes:
    """Returns a file that announces a wrong size."""
    width, height = chance.choice(SIDES), chance.choice(SIDES)
    kind = chance.choice(("jpeg", "png", "gif", "bmp", "webp-lossy", "webp-lossless"))
    content = bytearray(draw(chance, kind))
    if kind == "jpeg":
        frame = content.index(b"\xff\xc0")
        content[frame + 5 : frame + 9] = struct.pack(">HH", height & 0xFFFF, width & 0xFFFF)
    elif kind == "png":
        content[16:24] = struct.pack(">II", width, height)
        content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    elif kind == "gif":
        size = struct.pack("<HH", width & 0xFFFF, height & 0xFFFF)
        content[6:10] = size
        frame = content.index(b"\x2c\0\0\0\0")
        content[frame + 5 : frame + 9] = size
    elif kind == "bmp":
        content[18:26] = struct.pack("<II", width, height)
    elif kind == "webp-lossy":
        content[26:30] = struct.pack("<HH", width & 0x3FFF, height & 0x3FFF)
    else:
        packed = (width & 0x3FFF) | (height & 0x3FFF) << 14
        content[21:25] = struct.pack("<I", packed)
    return bytes(content)


def _largest(chance: random.Random) -> bytes:
    """Returns a valid single-colour picture, small as a file, near the pixel limit."""
    buffer = io.BytesIO()
    Image.new("1", (9_990, 9_990)).save(buffer, "PNG")
    return buffer.getvalue()


STRATEGIES: dict[str, Callable[[random.Random], bytes]] = {
    "empty": lambda chance: b"",
    "noise": _noise,
    "magic and noise": _magic,
    "truncated": _truncated,
    "bits flipped": _flipped,
    "bits flipped in the head": _flipped_head,
    "spliced": _spliced,
    "doubled": _doubled,
    "giant": _giant,
    "largest": _largest,
}
# An empty string is always the same, and the largest picture takes seconds.
WEIGHTS = [{"empty": 1, "largest": 0.5}.get(name, 15) for name in STRATEGIES]


def hostile(number: int, seed: int = 0) -> tuple[str, bytes]:
    """Returns one of the strings, always the same for the same arguments.

    Args:
        number: Its number.
        seed: The seed of all strings.

    Returns:
        The name of its strategy, and the string.
    """
    chance = random.Random(f"{seed} {number}")
    [name] = chance.choices(list(STRATEGIES), WEIGHTS)
    return name, STRATEGIES[name](chance)


def mixed(good: list[bytes], bad: list[bytes]) -> tuple[list[bytes], np.ndarray]:
    """Mixes valid images with hostile strings in a batch.

    Args:
        good: The valid images, at most as many as hostile strings.
        bad: The hostile strings.

    Returns:
        The batch, and which of its rows are valid.
    """
    rows: list[tuple[bool, bytes]] = []
    for index, content in enumerate(bad):
        rows += [(True, good[index])] if index < len(good) else []
        rows.append((False, content))
    return [content for _, content in rows], np.array([sound for sound, _ in rows])
