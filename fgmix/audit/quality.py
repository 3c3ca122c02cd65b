"""Measures how dark, bright and sharp an image is, at the size that a network sees."""

from typing import NamedTuple

import numpy as np
from PIL import Image

SIDE = 224
"""The shorter side, in pixels, to which a larger image is shrunk before it is measured: blur that
vanishes there does not matter."""

_BLUR = 5
"""Pixels that are averaged to blur an image once more."""


class Quality(NamedTuple):
    """Measures of an image.

    Attributes:
        brightest: The brightness, from 0 to 1, that 1 % of the pixels exceed.
        darkest: The brightness that 95 % of the pixels exceed.
        sharpness: From 0 to 1, how much an image loses if it is blurred.
    """

    brightest: float
    darkest: float
    sharpness: float


def shrink(image: np.ndarray) -> Image.Image:
    """Returns an image in grey, its shorter side at most `SIDE` pixels.

    Args:
        image: uint8 `[height, width, 3]`.
    """
    grey = Image.fromarray(image).convert("L")
    scale = SIDE / min(grey.size)
    if scale >= 1:
        return grey
    size = round(grey.width * scale), round(grey.height * scale)
    return grey.resize(size, Image.Resampling.BOX)


def measure(grey: Image.Image) -> Quality:
    """Measures an image.

    Args:
        grey: From `shrink`.
    """
    pixels = np.asarray(grey)
    darkest, brightest = np.percentile(pixels, (5, 99)) / 255
    return Quality(float(brightest), float(darkest), _sharpness(pixels.astype(np.float32)))


def _sharpness(pixels: np.ndarray) -> float:
    """Returns the share of the differences of neighbours that is lost if an image is blurred.

    Of a blurred image little is lost (Crete et al. 2007, "The blur effect"). It is measured along
    rows and along columns, and the smaller one counts, so that motion blur is seen. Differences of
    one level are left out: a slow gradient has them too, and blurring removes them.
    """
    from scipy.ndimage import uniform_filter1d

    lost = []
    for axis in (0, 1):
        before = np.abs(np.diff(pixels, axis=axis))
        after = np.abs(np.diff(uniform_filter1d(pixels, _BLUR, axis), axis=axis))
        edges = before > 1
        if edges.any():
            lost.append(np.maximum(before - after, 0)[edges].sum() / before[edges].sum())
    return float(min(lost, default=0.0))
