"""What the demo's painters share: canvas, colours, and chance."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

import numpy as np

WIDTH, HEIGHT = 144, 112  # of the finished picture, in pixels
SUPERSAMPLING = 3  # canvas pixels a picture pixel

T = TypeVar("T")
Colour = tuple[int, int, int]
Pixel = tuple[float, float]


def pick(options: Sequence[T], rng: np.random.Generator) -> T:
    """One of the options, each as likely as the others."""
    return options[int(rng.integers(len(options)))]


def colour(values: np.ndarray) -> Colour:
    """Three numbers as a colour, held between 0 and 255."""
    red, green, blue = np.clip(values, 0, 255).astype(int).tolist()
    return red, green, blue


def pale(rng: np.random.Generator) -> Colour:
    """A light, nearly grey colour."""
    return colour(rng.uniform(150, 245) + rng.normal(0, 12, size=3))


def shade(paint: Colour, factor: float) -> Colour:
    """A colour in more or less light."""
    red, green, blue = (min(255, int(channel * factor)) for channel in paint)
    return red, green, blue


def scaled(pixels: Iterable[Pixel]) -> list[Pixel]:
    """Picture pixels as canvas pixels."""
    return [(SUPERSAMPLING * x, SUPERSAMPLING * y) for x, y in pixels]
