"""Canvas, colours and random choices for drawing the demo data set."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

import numpy as np

WIDTH, HEIGHT = 144, 112  # of the finished image, in pixels
SUPERSAMPLING = 3  # canvas pixels per image pixel, along a side

T = TypeVar("T")
Colour = tuple[int, int, int]
Pixel = tuple[float, float]


def pick(options: Sequence[T], rng: np.random.Generator) -> T:
    """Draws one of the options uniformly."""
    return options[int(rng.integers(len(options)))]


def colour(values: np.ndarray) -> Colour:
    """Converts three numbers to a colour, clipped to [0, 255]."""
    red, green, blue = np.clip(values, 0, 255).astype(int).tolist()
    return red, green, blue


def pale(rng: np.random.Generator) -> Colour:
    """Draws a light, nearly grey colour."""
    return colour(rng.uniform(150, 245) + rng.normal(0, 12, size=3))


def shade(paint: Colour, factor: float) -> Colour:
    """Scales the brightness of a colour."""
    red, green, blue = (min(255, int(channel * factor)) for channel in paint)
    return red, green, blue


def scaled(pixels: Iterable[Pixel]) -> list[Pixel]:
    """Converts image coordinates to canvas coordinates."""
    return [(SUPERSAMPLING * x, SUPERSAMPLING * y) for x, y in pixels]
