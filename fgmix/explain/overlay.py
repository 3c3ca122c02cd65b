"""Laying a heat map over a photo."""

import numpy as np
from matplotlib import colormaps
from PIL import Image

COLOURS = "inferno"
STRENGTH = 0.55  # of the heat map over the photo, where it is hottest


def overlay(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Lays a heat map over a photo at the photo's size.

    Args:
        image: uint8 `(h, w, 3)`.
        heat: float32 `(rows, columns)` in [0, 1].

    Returns:
        float32 `(h, w, 3)` in [0, 1].
    """
    fine = stretch(heat, image.shape[:2])
    # Both as bytes until they are mixed: float64 would take 32 bytes a pixel for the colours alone.
    colour = colormaps[COLOURS](fine, bytes=True)[..., :3]
    strength = STRENGTH * fine[..., None]
    return (image * (1 - strength) + colour * strength) / np.float32(255)


def stretch(heat: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Enlarges a heat map to a photo's height and width, bilinearly.

    Args:
        heat: float32 `(rows, columns)` in [0, 1].
        shape: `(h, w)`.

    Returns:
        float32 `(h, w)` in [0, 1].
    """
    small = Image.fromarray(heat.astype(np.float32))
    # Bicubically it would look smoother, and be hottest at the border more often than it is.
    return np.asarray(small.resize((shape[1], shape[0]), Image.Resampling.BILINEAR))
