"""Draws small images for tests."""

from pathlib import Path

import numpy as np
from PIL import Image


def write_plain(path: Path, colour=(90, 120, 150), size=(12, 10)) -> Path:
    """Writes an image of a single colour, in the format of the suffix; creates its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, tuple(colour)).save(path)
    return path


def write_noise(path: Path, size=(40, 30), seed=0) -> Path:
    """Writes an image of noise, which has no two equal pixels; creates its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3))
    Image.fromarray(pixels.astype(np.uint8)).save(path)
    return path


def write_classes(folder: Path, counts: dict[str, int]) -> Path:
    """Writes `counts[name]` images `0.png`, `1.png`, ... into a folder for every class."""
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            write_plain(folder / name / f"{number}.png")
    return folder
