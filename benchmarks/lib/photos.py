"""Synthetic JPEG files with structure at every scale and as many bytes as photographs."""

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

QUALITY = 90


def draw(rng: np.random.Generator, width: int = 500, height: int = 300) -> Image.Image:
    """Returns a picture with structure at every scale, which compresses like a photograph."""
    pixels = np.zeros((height, width, 3))
    for cells, strength in ((6, 60), (25, 30), (100, 20)):
        small = rng.normal(128, strength, (cells, cells, 3)).clip(0, 255).astype(np.uint8)
        pixels += Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
    pixels = pixels / 3 + rng.normal(0, 14, pixels.shape)
    picture = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    return picture.filter(ImageFilter.GaussianBlur(0.6))


def encoded(count: int, width: int = 500, height: int = 300) -> list[bytes]:
    """Returns the contents of `count` files."""
    rng = np.random.default_rng(0)
    files = []
    for _ in range(count):
        buffer = io.BytesIO()
        draw(rng, width, height).save(buffer, "JPEG", quality=QUALITY)
        files.append(buffer.getvalue())
    return files


def draw_coloured(root: Path, classes: int, counts: Mapping[str, int], suffix: str) -> None:
    """Draws an easy data set of small pictures: one colour per class, and noise.

    Args:
        root: Its folder.
        classes: The number of classes.
        counts: Pictures per class, by split.
        suffix: The suffix of the files.
    """
    rng = np.random.default_rng(0)
    for split, count in counts.items():
        for label in range(classes):
            folder = root / split / f"class{label}"
            folder.mkdir(parents=True)
            for index in range(count):
                pixels = rng.uniform(40, 180, (36, 48, 3))
                pixels[..., label] += 50
                Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{index}{suffix}")


def write_photos(
    root: Path, count: int, classes: int, width: int = 500, height: int = 300
) -> list[Path]:
    """Writes files in class folders, one per class in turn.

    Returns:
        The files.
    """
    files = []
    for number, content in enumerate(encoded(count, width, height)):
        file = root / f"class{number % classes:02d}" / f"{number:05d}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        files.append(file)
    return files
