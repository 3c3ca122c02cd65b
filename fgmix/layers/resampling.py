"""Bicubic interpolation as a matrix product: on every backend the same, and PyTorch's."""

import numpy as np


def resampling_matrix(source: int, target: int, antialias: bool = False) -> np.ndarray:
    """Returns the matrix that interpolates a row of `source` values to `target` values.

    Cubic convolution with pixel centres at half-integers, as in `torch.nn.functional.interpolate`
    with `mode="bicubic", align_corners=False`. Without antialiasing, the coefficient is -0.75 and
    values beyond the border are those at the border. With it, the coefficient is -0.5, the kernel
    is stretched where the row gets shorter, and is cut off at the border.

    Args:
        source: Number of values.
        target: Number of interpolated values.
        antialias: Whether to stretch the kernel.

    Returns:
        float32 `(target, source)`; each row sums to 1.

    Example:
        >>> [round(float(weight), 3) for weight in resampling_matrix(2, 4)[0]]
        [1.105, -0.105]
    """
    scale = source / target
    stretch = max(scale, 1.0) if antialias else 1.0
    coefficient = -0.5 if antialias else -0.75
    centres = (np.arange(target)[:, None] + 0.5) * scale - 0.5
    reach = int(np.ceil(2 * stretch)) + 1
    taps = np.floor(centres).astype(int) + np.arange(-reach, reach + 1)
    weights = _cubic((taps - centres) / stretch, coefficient)
    if antialias:
        weights = np.where((taps < 0) | (taps >= source), 0.0, weights)
    matrix = np.zeros((target, source))
    rows = np.broadcast_to(np.arange(target)[:, None], taps.shape)
    np.add.at(matrix, (rows, np.clip(taps, 0, source - 1)), weights)
    matrix /= matrix.sum(axis=1, keepdims=True)
    return matrix.astype(np.float32)


def _cubic(distance: np.ndarray, a: float) -> np.ndarray:
    """The kernel of cubic convolution (Keys, 1981) with coefficient `a`."""
    x = np.abs(distance)
    near = (a + 2) * x**3 - (a + 3) * x**2 + 1
    far = a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))
