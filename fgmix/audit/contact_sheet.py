"""Draws contact sheets of a data set: its images by class, and its duplicates side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from fgmix.audit.findings import Duplicates
from fgmix.audit.scan import ScannedImage
from fgmix.data.codec.diagnose import decodable
from fgmix.data.dataset import ImageDataset, evenly_spaced
from fgmix.files import replacing
from fgmix.plotting import font_file, tell_missing

COLUMNS = 10
MAX_CELLS = 400
FEW_CLASSES = 20
"""With at most this many classes, every class gets a row of its own."""

MAX_PAIRS = 40
CELL, TEXT, GAP = (180, 135), 15, 8
"""Sizes in pixels: the box of an image, a line of text, the space around both."""

_INK, _ALARM, _PAPER = "black", "firebrick", "white"


@dataclass(frozen=True)
class Cell:
    """An image with lines of text below it.

    Attributes:
        file: Path of the file.
        lines: The text.
        alarm: Whether the text is red.
    """

    file: str
    lines: tuple[str, ...]
    alarm: bool = False


def draw_classes(path: Path, dataset: ImageDataset, images: Sequence[ScannedImage]) -> None:
    """Draws images of every class: a row per class if classes are few, else one image each.

    Args:
        path: The PNG to write.
        dataset: The data set.
        images: Its scanned images; those of the training split are drawn if there is one.
    """
    split = "train" if "train" in dataset.splits else next(iter(dataset.splits))
    by_class: dict[str, list[ScannedImage]] = {name: [] for name in dataset.class_names}
    for image in images:
        if image.split == split and not image.problem:
            by_class[image.class_name].append(image)
    few = len(by_class) <= FEW_CLASSES
    cells: list[Cell | None] = []
    for name, members in by_class.items():
        # Evenly spaced, because neighbours are often of one series.
        chosen = evenly_spaced(len(members), COLUMNS if few else 1)
        row = [Cell(str(dataset.root / members[i].path), (name,)) for i in chosen]
        cells += [*row, *[None] * (COLUMNS - len(row))] if few else row
    _draw(path, cells[:MAX_CELLS], COLUMNS, dataset.crop_bottom)


def draw_duplicates(
    path: Path, root: Path, duplicates: Sequence[Duplicates], crop_bottom: int = 0
) -> None:
    """Draws the first duplicates side by side, two pairs per row.

    Args:
        path: The PNG to write.
        root: The folder that the images' paths are relative to.
        duplicates: Groups of duplicates, the worst first. Of each group two images are drawn,
            which differ in split or class if possible.
        crop_bottom: Pixel rows to remove from the bottom of every image.
    """
    cells: list[Cell | None] = []
    for group in duplicates[:MAX_PAIRS]:
        for image in _most_unlike(group.images):
            lines = (image.path, f"{image.split}: {image.class_name}", f"{group.bits} bits apart")
            cells.append(Cell(str(root / image.path), lines, len(group.labels) > 1))
    _draw(path, cells, 4, crop_bottom)


def _most_unlike(images: Sequence[ScannedImage]) -> tuple[ScannedImage, ScannedImage]:
    """Returns the first image of a group and one of another split or class, if there is one."""
    one, *others = images
    return one, max(others, key=lambda p: (p.split != one.split) + (p.class_name != one.class_name))


def _draw(path: Path, cells: Sequence[Cell | None], columns: int, crop_bottom: int) -> None:
    """Draws cells row by row; None leaves a cell empty."""
    filled = [(number, cell) for number, cell in enumerate(cells) if cell]
    width, height = CELL
    step_x = width + GAP
    step_y = height + GAP + TEXT * max((len(cell.lines) for _, cell in filled), default=0)
    rows = -(-len(cells) // columns)
    sheet = Image.new("RGB", (columns * step_x + GAP, rows * step_y + GAP), _PAPER)
    pen = ImageDraw.Draw(sheet)
    corners = [(GAP + n % columns * step_x, GAP + n // columns * step_y) for n, _ in filled]
    for (x, y), (_, cell) in zip(corners, filled, strict=True):
        for line, text in enumerate(cell.lines):
            ink = _ALARM if cell.alarm else _INK
            font = _font(font_file(text))
            pen.text((x, y + height + line * TEXT), _shorten(text, font, width), ink, font)
    tell_missing("".join(text for _, cell in filled for text in cell.lines))
    files = [cell.file for _, cell in filled]
    for index, pixels in decodable(files, lambda _, image: (image,), crop_bottom):
        x, y = corners[int(index)]
        image = Image.fromarray(pixels.numpy())
        image.thumbnail(CELL)
        sheet.paste(image, (x + (width - image.width) // 2, y + height - image.height))
    with replacing(path) as beside:
        sheet.save(beside)


@lru_cache
def _font(file: Path) -> ImageFont.FreeTypeFont:
    """Loads a font, once for all the texts that it draws."""
    return ImageFont.truetype(str(file), TEXT - 4)


def _shorten(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    """Cuts the middle of a text that is wider than `width` pixels."""
    keep = len(text)
    short = text
    while font.getlength(short) > width and keep > 2:
        keep -= 1
        short = f"{text[: keep // 2]}…{text[-(keep - keep // 2) :]}"
    return short
