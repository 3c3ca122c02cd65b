"""The built-in data set `demo`: small airliners that differ only in the shape of their tail.

The images are drawn by the program, so the data set needs no download. Livery, proportions, wing,
engines, pose, background, light and noise are independent of the class; the class determines only
the shape of the tail. The task is fine-grained on purpose: the tail is a small part in front of
clutter, with other aircraft, roofs and poles that look similar.
"""

import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from fgmix.data.box import Box
from fgmix.data.sources.demo.airliner import (
    CLASS_NAMES,
    Aircraft,
    Pose,
    draw_aircraft,
    tail_corners,
)
from fgmix.data.sources.demo.paint import (
    HEIGHT,
    SUPERSAMPLING,
    WIDTH,
    Colour,
    pale,
    pick,
    scaled,
    shade,
)

DEMO_VERSION = 1
"""Part of the name of the data set's folder. Raise it whenever the drawing changes."""

TRAIN_PER_CLASS = 100
TEST_PER_CLASS = 50
SPLIT_KEYS = {"train": 0, "test": 1}
JPEG_QUALITY = 92  # sensor noise makes lossless files four times as large

SKIES: tuple[tuple[Colour, Colour], ...] = (  # colours at the top and at the bottom
    ((86, 142, 205), (190, 215, 235)),  # clear
    ((120, 170, 215), (150, 190, 225)),
    ((165, 172, 180), (205, 208, 210)),  # overcast
    ((140, 150, 162), (180, 186, 190)),
    ((150, 155, 190), (235, 185, 150)),  # dawn and dusk
    ((150, 140, 170), (230, 180, 160)),
    ((220, 205, 175), (240, 230, 210)),  # haze
)
GROUNDS: tuple[Colour, ...] = ((96, 128, 78), (130, 140, 90), (150, 138, 112), (120, 122, 124))


def draw_image(class_index: int, rng: np.random.Generator) -> Image.Image:
    """Draws one image.

    The class does not influence the random draws: with the same state of `rng`, images of two
    classes differ only in their tails.

    Args:
        class_index: Index into `CLASS_NAMES`.
        rng: The source of everything that does not depend on the class.

    Returns:
        An RGB image of `WIDTH` x `HEIGHT` pixels.
    """
    canvas = _draw_background(rng)
    pen = ImageDraw.Draw(canvas)
    draw_aircraft(pen, Aircraft.sample(Pose.sample(rng), rng), CLASS_NAMES[class_index])
    _draw_foreground(pen, rng)
    return _photograph(canvas, rng)


def tail_box(class_index: int, rng: np.random.Generator) -> Box:
    """Returns the box of the tail in the image that `draw_image` draws from the same arguments.

    Only the tail distinguishes the classes, so this is the region a model should use.
    """
    _draw_background(rng)  # consumes the same random numbers as in `draw_image`
    aircraft = Aircraft.sample(Pose.sample(rng), rng)
    corners = np.array(tail_corners(aircraft, CLASS_NAMES[class_index])) / SUPERSAMPLING
    left, top = np.floor(corners.min(axis=0) - 1).clip(0).tolist()
    right, bottom = np.ceil(corners.max(axis=0) + 1).clip(max=(WIDTH, HEIGHT)).tolist()
    return Box(left, top, right, bottom)


def read_tail_boxes(paths: Iterable[str]) -> dict[str, Box]:
    """Returns the boxes of the tails in images of the data set that `write_demo` writes.

    Args:
        paths: Images, relative to the data set's folder.
    """
    boxes = {}
    for path in paths:
        split, name, file = Path(path).parts
        class_index = CLASS_NAMES.index(name)
        rng = _image_rng(0, split, class_index, int(Path(file).stem))
        boxes[path] = tail_box(class_index, rng)
    return boxes


def write_demo(
    directory: Path,
    *,
    train_per_class: int = TRAIN_PER_CLASS,
    test_per_class: int = TEST_PER_CLASS,
    seed: int = 0,
) -> None:
    """Writes the data set as `directory/{train,test}/<class>/<number>.jpg`.

    An existing directory is left unchanged. A new one appears only when it is complete; if several
    processes draw it at the same time, the first to finish provides it.

    Args:
        directory: The data set's own folder.
        train_per_class: Number of training images per class.
        test_per_class: Number of test images per class.
        seed: Seeds every image, together with its split, class and number.
    """
    if directory.exists():
        return
    directory.parent.mkdir(parents=True, exist_ok=True)
    counts = {"train": train_per_class, "test": test_per_class}
    with tempfile.TemporaryDirectory(prefix=f".{directory.name}-", dir=directory.parent) as scratch:
        # In a subfolder, because the temporary folder itself is readable by its owner only.
        draft = Path(scratch) / directory.name
        for split, count in counts.items():
            for class_index, name in enumerate(CLASS_NAMES):
                folder = draft / split / name
                folder.mkdir(parents=True)
                for number in range(count):
                    rng = _image_rng(seed, split, class_index, number)
                    draw_image(class_index, rng).save(
                        folder / f"{number:04d}.jpg", quality=JPEG_QUALITY
                    )
        try:
            draft.rename(directory)
        except OSError:
            if not directory.is_dir():
                raise


def _image_rng(seed: int, split: str, class_index: int, number: int) -> np.random.Generator:
    return np.random.default_rng([seed, SPLIT_KEYS[split], class_index, number])


def _draw_background(rng: np.random.Generator) -> Image.Image:
    """Draws a cloudy sky over an airfield with hills, buildings and sometimes an aircraft."""
    top, bottom = (np.asarray(end) + rng.normal(0, 12, size=3) for end in pick(SKIES, rng))
    sky = np.clip(np.linspace(top, bottom, HEIGHT), 0, 255).astype(np.uint8)
    clouds = _cloud_mask(rng)
    canvas = Image.fromarray(sky[:, None, :]).resize(clouds.size, Image.Resampling.BILINEAR)
    canvas.paste(pale(rng), mask=clouds)
    pen = ImageDraw.Draw(canvas)
    horizon = HEIGHT * rng.uniform(0.7, 1.0)
    _draw_hills(pen, horizon, rng)
    _draw_buildings(pen, horizon, rng)
    if rng.random() < 0.5:
        centre = (WIDTH * rng.uniform(0.0, 1.0), horizon + HEIGHT * rng.uniform(-0.3, 0.1))
        pose = replace(Pose.sample(rng), centre=centre, length=WIDTH * rng.uniform(0.25, 0.45))
        draw_aircraft(pen, Aircraft.sample(pose, rng), pick(CLASS_NAMES, rng))
    return canvas


def _cloud_mask(rng: np.random.Generator) -> Image.Image:
    mask = Image.new("L", (WIDTH, HEIGHT))
    pen = ImageDraw.Draw(mask)
    for _ in range(int(rng.integers(0, 12))):
        x, y, w, h = rng.uniform((0, 0, 12, 4), (WIDTH, 0.7 * HEIGHT, 40, 14)).tolist()
        pen.ellipse((x - w, y - h, x + w, y + h), fill=int(rng.integers(60, 200)))
    soft = mask.filter(ImageFilter.GaussianBlur(3))
    return soft.resize((WIDTH * SUPERSAMPLING, HEIGHT * SUPERSAMPLING), Image.Resampling.BILINEAR)


def _draw_hills(pen: ImageDraw.ImageDraw, horizon: float, rng: np.random.Generator) -> None:
    x = np.linspace(0, WIDTH, 25)
    for level in (horizon, horizon + 7, horizon + 14):
        phase = np.outer(x, rng.uniform(0.03, 0.15, size=2)) + rng.uniform(0, 6, size=2)
        ridge = level + np.sin(phase) @ rng.uniform(1, 5, size=2)
        earth = shade(pick(GROUNDS, rng), rng.uniform(0.7, 1.2))
        corners = [*zip(x, ridge, strict=True), (WIDTH, HEIGHT), (0, HEIGHT)]
        pen.polygon(scaled(corners), fill=earth)


def _draw_buildings(pen: ImageDraw.ImageDraw, horizon: float, rng: np.random.Generator) -> None:
    """Draws houses with pitched or slanting roofs that resemble a fin."""
    for _ in range(int(rng.integers(0, 6))):
        x, w, h, roof, peak = rng.uniform((0, 5, 5, 0, 0), (WIDTH, 20, 26, 14, 1)).tolist()
        floor, eaves = horizon + 8, horizon + 4 - h
        top = (x + peak * w, eaves - roof)
        corners = [(x, floor), (x, eaves), top, (x + w, eaves), (x + w, floor)]
        wall = shade(pale(rng), rng.uniform(0.35, 0.9))
        pen.polygon(scaled(corners), fill=wall, outline=shade(wall, 0.7), width=2)


def _draw_foreground(pen: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    """Draws poles and bushes in front of the aircraft; they sometimes hide part of its tail."""
    for _ in range(int(rng.integers(0, 3))):
        x, top, lean = rng.uniform((0, 0, -4), (WIDTH, 0.8 * HEIGHT, 4)).tolist()
        metal = shade((120, 118, 112), rng.uniform(0.3, 1.4))
        pole = scaled([(x, HEIGHT), (x + lean, top)])
        pen.line(pole, fill=metal, width=int(rng.integers(2, 6)))
    for _ in range(int(rng.integers(0, 7))):
        x, w, h = rng.uniform((0, 5, 6), (WIDTH, 20, 24)).tolist()
        leaf = shade(pick(GROUNDS, rng), rng.uniform(0.5, 0.9))
        pen.ellipse(scaled([(x - w, HEIGHT - h), (x + w, HEIGHT + h)]), fill=leaf)


def _photograph(canvas: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Reduces the canvas to its final size; adds blur, uneven light and sensor noise."""
    small = canvas.reduce(SUPERSAMPLING).filter(ImageFilter.GaussianBlur(rng.uniform(0.0, 0.7)))
    left, right = rng.uniform(0.75, 1.15, size=2).tolist()
    gain = np.linspace(left, right, WIDTH)[:, None]
    noise = rng.normal(0.0, rng.uniform(2.0, 7.0), size=(HEIGHT, WIDTH, 3))
    pixels = np.asarray(small, dtype=float) * gain + noise
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
