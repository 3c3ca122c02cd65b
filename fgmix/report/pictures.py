"""Thumbnails embedded in the page."""

import struct
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from fgmix.files import inside
from fgmix.html import picture_url

EXAMPLE, HEAT = 200, 280
"""The longer side, in pixels, of an example and of an image under a heat map."""

QUALITY = 75

BOMBS = (Image.DecompressionBombWarning, Image.DecompressionBombError)
"""Pillow's warning and error for images with implausibly many pixels."""


@dataclass(frozen=True)
class Picture:
    """A picture on the page.

    Attributes:
        url: A `data:` URL.
        width: In pixels.
        height: In pixels.
        alt: Its text alternative.
    """

    url: str
    width: int
    height: int
    alt: str


class ExampleImages:
    """The test images that are still available.

    Args:
        root: The folder that paths are relative to.
        crop_bottom: Pixel rows to remove from the bottom of every image.

    Attributes:
        root: The folder that paths are relative to.
        wanted: The number of requested images.
        gone: How many of these are missing, outside the folder or can't be read.
    """

    def __init__(self, root: Path, crop_bottom: int = 0):
        self.root, self.wanted, self.gone = root, 0, 0
        self._crop_bottom = crop_bottom

    def picture(self, path: str, alt: str) -> Picture | None:
        """Returns an image as a thumbnail; None if it is missing or can't be read."""
        self.wanted += 1
        image = self._read(path)
        if image is None:
            self.gone += 1
            return None
        return encode(image, EXAMPLE, alt)

    def _read(self, path: str) -> Image.Image | None:
        file = inside(self.root, path)
        if file is None:
            return None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                with Image.open(file) as picture:
                    image = ImageOps.exif_transpose(picture).convert("RGB")
        except (OSError, ValueError, SyntaxError, EOFError, struct.error, zlib.error, *BOMBS):
            return None
        if image.height > self._crop_bottom:
            image = image.crop((0, 0, image.width, image.height - self._crop_bottom))
        return image


def encode(image: Image.Image | np.ndarray, side: int, alt: str) -> Picture:
    """Returns an image as a WebP file in a `data:` URL.

    Args:
        image: A Pillow image, or uint8 `(h, w, 3)`.
        side: The longest its longer side may be, in pixels.
        alt: Its text alternative.
    """
    small = Image.fromarray(image) if isinstance(image, np.ndarray) else image.copy()
    small.thumbnail((side, side))
    url = picture_url(small, "webp", quality=QUALITY, method=6)
    return Picture(url, small.width, small.height, alt)
