"""Overlays of heat maps on images."""

import numpy as np
from matplotlib import colormaps
from PIL import Image

COLOURS = "inferno"
STRENGTH = 0.55  # opacity of the heat map where it is hottest


def overlay(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Overlays a heat map on an image, at the image's size.

    Args:
        image: uint8 `(h, w, 3)`.
        heat: float32 `(rows, columns)` in [0, 1].

    Returns:
        float32 `(h, w, 3)` in [0, 1].
    """
    fine = stretch(heat, image.shape[:2])
    # Bytes until they are blended: the colours in float64 would take 32 bytes per pixel.
    colour = colormaps[COLOURS](fine, bytes=True)[..., :3]
    strength = STRENGTH * fine[..., None]
    return (image * (1 - strength) + colour * strength) / np.float32(255)


def stretch(heat: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Enlarges a heat map to an image's height and width, bilinearly.

    Args:
        heat: float32 `(rows, columns)` in [0, 1].
        shape: `(h, w)`.

    Returns:
        float32 `(h, w)` in [0, 1].
    """
    small = Image.fromarray(heat.astype(np.float32))
    # Bicubic resizing looks smoother, but moves maxima to the border too often.
    return np.asarray(small.resize((shape[1], shape[0]), Image.Resampling.BILINEAR))
