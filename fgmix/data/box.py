"""A bounding box in an image."""

from typing import NamedTuple

import numpy as np


class Box(NamedTuple):
    """A rectangle in the pixel coordinates of an image; right and bottom edges are exclusive."""

    left: float
    top: float
    right: float
    bottom: float

    def mask(self, image_shape: tuple[int, ...], size: int) -> np.ndarray:
        """Returns the box as a mask on the image resized to a square.

        Args:
            image_shape: Height and width of the image. The box is clipped to the image.
            size: Side of the square, in pixels.

        Returns:
            bool `(size, size)`: whether the centre of each pixel lies in the box.
        """
        y = (np.arange(size) + 0.5) * image_shape[0] / size
        x = (np.arange(size) + 0.5) * image_shape[1] / size
        rows, columns = (self.top <= y) & (y < self.bottom), (self.left <= x) & (x < self.right)
        return np.outer(rows, columns)
