"""Draws smooth images in many formats, which lossy formats keep nearly as they are."""

import io

import numpy as np
from PIL import Image


def smooth(size=(64, 48), seed=0, mode="RGB"):
    """An image of soft colours, different in all four corners."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(30, 226, (4, 5, 3)).astype(np.uint8))
    return coarse.resize(size, Image.Resampling.BICUBIC).convert(mode)


def encode(image, kind, **options):
    """The bytes of an image file, in the format of a suffix or by Pillow's name."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def decode(content):
    """The pixels of an image file as it is stored, int `[height, width, channels]`."""
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def exif_of(orientation=1, where=True):
    """EXIF with an orientation, a camera, and a position if wanted."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "Camera"
    if where:
        exif.get_ifd(0x8825)[1] = "N"
        exif.get_ifd(0x8825)[2] = (48.0, 8.0, 11.0)
    return exif
