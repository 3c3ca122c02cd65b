"""Aligns pairs of thumbnails, to tell whether one shows a part of the other.

A thumbnail is scaled and shifted until it differs least from the other, by Gauss-Newton steps on
the pixels from coarse to fine (Lucas and Kanade 1981), with a gain and an offset of the brightness
for images that were recoloured. All pairs are aligned together.
"""

from typing import NamedTuple

import numpy as np

LEVELS = ((16, 12), (32, 8), (64, 4))
"""Sides in pixels, and steps on each, of the pyramid from coarse to fine."""

STARTS = (1.0, 0.8, 1.25)
"""Scales to start from: the same view, a part of it, and more than it."""

PROMISING = 0.5
"""The least agreement at the coarsest level of a pair that is aligned more finely."""

MIN_OVERLAP = 0.3
"""The least share of a thumbnail that the other must cover."""

_LARGEST_STEP, _SCALES, _SHIFTS = 0.1, (0.5, 2.0), (-0.4, 0.4)
_DAMPING = 1e-3
_BLOCK = 256


class Alignment(NamedTuple):
    """How well the thumbnails of `n` pairs can be aligned.

    Attributes:
        agreement: float `[n]`, the correlation of their gradients once they are aligned: 1 for the
            same picture, about 0 for different ones. Brightness and contrast do not change it. Of
            pairs that are not `PROMISING`, it is that of the coarsest level.
        scales: float `[n, 2]`, the width and height of the second in the first, as shares of it:
            less than 1 if the second is a part of the first.
    """

    agreement: np.ndarray
    scales: np.ndarray


def align(ones: np.ndarray, others: np.ndarray) -> Alignment:
    """Aligns pairs of thumbnails.

    Args:
        ones: uint8 `[n, 64, 64]`.
        others: uint8 `[n, 64, 64]`.
    """
    agreement, scales = np.zeros(len(ones)), np.ones((len(ones), 2))
    for start in range(0, len(ones), _BLOCK):
        part = slice(start, start + _BLOCK)
        agreement[part], scales[part] = _align(ones[part], others[part])
    return Alignment(agreement, scales)


def _align(ones: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    pyramid = [(_shrink(ones, side), _shrink(others, side)) for side, _ in LEVELS]
    (coarse, coarse_other), (_, steps) = pyramid[0], LEVELS[0]
    best, place = np.full(len(ones), -1.0), np.zeros((len(ones), 4))
    for scale in STARTS:
        tried = np.tile([scale, scale, 0.0, 0.0], (len(ones), 1))
        tried = _improve(coarse, coarse_other, tried, steps)
        found = _agreement(coarse, coarse_other, tried)
        better = found > best
        best[better], place[better] = found[better], tried[better]
    promising = best >= PROMISING
    if promising.any():
        finer = place[promising]
        for (one, other), (_, steps) in zip(pyramid[1:], LEVELS[1:], strict=True):
            finer = _improve(one[promising], other[promising], finer, steps)
        one, other = pyramid[-1]
        best[promising] = _agreement(one[promising], other[promising], finer)
        place[promising] = finer
    return best, place[:, :2]


def _shrink(images: np.ndarray, side: int) -> np.ndarray:
    count, full, _ = images.shape
    block = full // side
    blocks = images.reshape(count, side, block, side, block)
    return blocks.mean((2, 4), dtype=np.float32) / 255


def _improve(one: np.ndarray, other: np.ndarray, place: np.ndarray, steps: int) -> np.ndarray:
    """Takes Gauss-Newton steps: `other` is approximated by `gain * warp(one) + offset`.

    Args:
        one: float32 `[n, s, s]`.
        other: float32 `[n, s, s]`.
        place: `[n, 4]`: the scales and shifts, x before y, of `other` in `one`, in sides.
        steps: How many.
    """
    side = one.shape[1]
    along_y, along_x = (gradient * side for gradient in np.gradient(one, axis=(1, 2)))
    grid = _grid(side)
    damping = _DAMPING * np.array([1, 1, 1, 1, 0, _DAMPING], np.float32)
    for _ in range(steps):
        warped, inside = _warp(one, place)
        x, y = _warp(along_x, place)[0], _warp(along_y, place)[0]
        columns = (x * grid, y * grid[:, np.newaxis], x, y, warped, np.ones_like(warped))
        design = (np.stack(columns, -1) * inside[..., np.newaxis]).reshape(len(one), -1, 6)
        target = (other * inside).reshape(len(one), -1, 1)
        normal = design.transpose(0, 2, 1) @ design
        strength = np.trace(normal, axis1=1, axis2=2)[:, np.newaxis, np.newaxis] / 6
        normal += np.eye(6, dtype=np.float32) * (strength * damping + 1e-6)
        *moves, gain, _ = np.linalg.solve(normal, design.transpose(0, 2, 1) @ target)[..., 0].T
        gain = np.where(np.abs(gain) < 0.05, 0.05, gain)
        step = np.clip(np.stack(moves, 1) / gain[:, np.newaxis], -_LARGEST_STEP, _LARGEST_STEP)
        place = place + step
        place[:, :2] = place[:, :2].clip(*_SCALES)
        place[:, 2:] = place[:, 2:].clip(*_SHIFTS)
    return place


def _grid(side: int) -> np.ndarray:
    """Returns the centres of pixels, from -0.5 to 0.5 sides."""
    return ((np.arange(side) + 0.5) / side - 0.5).astype(np.float32)


def _warp(images: np.ndarray, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Samples images at scaled and shifted places, bilinearly.

    Returns:
        float32 `[n, s, s]`, and which of its pixels are inside the image, `[n, s, s]`.
    """
    count, side, _ = images.shape
    scale_x, scale_y, shift_x, shift_y = place.T[..., np.newaxis]
    x = (_grid(side) * scale_x + shift_x + 0.5) * side - 0.5
    y = (_grid(side) * scale_y + shift_y + 0.5) * side - 0.5
    left, top = (np.floor(v).astype(int).clip(0, side - 2) for v in (x, y))
    right = (x - left).astype(np.float32)[:, np.newaxis]
    down = (y - top).astype(np.float32)[..., np.newaxis]
    number = np.arange(count)[:, np.newaxis, np.newaxis]
    column, row = left[:, np.newaxis], top[..., np.newaxis]
    upper = images[number, row, column] * (1 - right) + images[number, row, column + 1] * right
    row = row + 1
    lower = images[number, row, column] * (1 - right) + images[number, row, column + 1] * right
    inside_x, inside_y = ((v >= -0.5) & (v <= side - 0.5) for v in (x, y))
    inside = inside_y[..., np.newaxis] & inside_x[:, np.newaxis]
    return upper * (1 - down) + lower * down, inside


def _agreement(one: np.ndarray, other: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Returns the correlation of gradients where aligned images overlap; 0 if they hardly do."""
    warped, inside = _warp(one, place)
    known = inside.copy()  # with its neighbours, which its gradient is made of
    for axis in (1, 2):
        for way in (1, -1):
            known &= np.roll(inside, way, axis)
    a, b = (
        np.stack(np.gradient(image, axis=(1, 2)), -1) * known[..., np.newaxis]
        for image in (warped, other)
    )
    product, size_a, size_b = ((u * v).sum((1, 2, 3)) for u, v in ((a, b), (a, a), (b, b)))
    overlapping = inside.mean((1, 2)) >= MIN_OVERLAP
    return np.where(overlapping, product / np.sqrt(size_a * size_b + 1e-9), 0.0)
