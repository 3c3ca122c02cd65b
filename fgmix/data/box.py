"""A box in a photo."""

from typing import NamedTuple

import numpy as np


class Box(NamedTuple):
    """A rectangle in the pixels of a photo, right and bottom edges excluded."""

    left: float
    top: float
    right: float
    bottom: float

    def mask(self, photo_shape: tuple[int, ...], size: int) -> np.ndarray:
        """The box on the square that the photo is squashed to.

        Args:
            photo_shape: Height and width of the photo. What the box has outside of it is lost.
            size: Side of the square.

        Returns:
            bool `(size, size)`: whether the middle of a pixel lies in the box.
        """
        y = (np.arange(size) + 0.5) * photo_shape[0] / size
        x = (np.arange(size) + 0.5) * photo_shape[1] / size
        rows, columns = (self.top <= y) & (y < self.bottom), (self.left <= x) & (x < self.right)
        return np.outer(rows, columns)
