"""Pictures of a data set: a grid of its photos, and its copies side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
from PIL import Image, ImageDraw, ImageFont

from fgmix.audit.findings import Copies
from fgmix.audit.scan import Photo
from fgmix.data.codec.diagnose import decodable
from fgmix.data.dataset import ImageDataset, evenly_spaced
from fgmix.files import replacing

COLUMNS = 10
MAX_CELLS = 400
FEW_CLASSES = 20
"""Up to here every class has a row of its own."""

MAX_PAIRS = 40
PHOTO, TEXT, GAP = (180, 135), 15, 8
"""Sizes in pixels: the box of a photo, a line of text, the space around both."""

_INK, _ALARM, _PAPER = "black", "firebrick", "white"


@dataclass(frozen=True)
class Cell:
    """A photo with lines of text below it.

    Attributes:
        file: Path of the file.
        lines: The text.
        alarm: Whether the text is red.
    """

    file: str
    lines: tuple[str, ...]
    alarm: bool = False


def draw_classes(path: Path, dataset: ImageDataset, photos: Sequence[Photo]) -> None:
    """Draws some photos of every class: a row a class if they are few, else one photo each.

    Args:
        path: The PNG to write.
        dataset: The data set.
        photos: Its photos as they were read; training photos are drawn if there are any.
    """
    split = "train" if "train" in dataset.splits else next(iter(dataset.splits))
    by_class: dict[str, list[Photo]] = {name: [] for name in dataset.class_names}
    for photo in photos:
        if photo.split == split and not photo.problem:
            by_class[photo.class_name].append(photo)
    few = len(by_class) <= FEW_CLASSES
    cells: list[Cell | None] = []
    for name, members in by_class.items():
        # Spread over the class: neighbours are often of one series.
        chosen = evenly_spaced(len(members), COLUMNS if few else 1)
        row = [Cell(str(dataset.root / members[i].path), (name,)) for i in chosen]
        cells += [*row, *[None] * (COLUMNS - len(row))] if few else row
    _draw(path, cells[:MAX_CELLS], COLUMNS, dataset.crop_bottom)


def draw_copies(path: Path, root: Path, copies: Sequence[Copies], crop_bottom: int = 0) -> None:
    """Draws the first copies side by side, two pairs a row.

    Args:
        path: The PNG to write.
        root: The folder that the photos' paths are relative to.
        copies: Groups of copies, the worst first; of each, two photos that differ in split or
            class are drawn if there are such.
        crop_bottom: Pixel rows to remove from the bottom of every photo.
    """
    cells: list[Cell | None] = []
    for group in copies[:MAX_PAIRS]:
        for photo in _most_unlike(group.photos):
            lines = (photo.path, f"{photo.split}: {photo.class_name}", f"{group.bits} bits apart")
            cells.append(Cell(str(root / photo.path), lines, len(group.labels) > 1))
    _draw(path, cells, 4, crop_bottom)


def _most_unlike(photos: Sequence[Photo]) -> tuple[Photo, Photo]:
    """Two of a group: the first, and one of another split or class if there is one."""
    one, *others = photos
    return one, max(others, key=lambda p: (p.split != one.split) + (p.class_name != one.class_name))


def _draw(path: Path, cells: Sequence[Cell | None], columns: int, crop_bottom: int) -> None:
    """Draws cells row by row; None leaves a place empty."""
    filled = [(number, cell) for number, cell in enumerate(cells) if cell]
    width, height = PHOTO
    step_x = width + GAP
    step_y = height + GAP + TEXT * max((len(cell.lines) for _, cell in filled), default=0)
    rows = -(-len(cells) // columns)
    sheet = Image.new("RGB", (columns * step_x + GAP, rows * step_y + GAP), _PAPER)
    pen = ImageDraw.Draw(sheet)
    # Matplotlib brings a font with more alphabets than Pillow's own.
    font_file = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    font = ImageFont.truetype(str(font_file), TEXT - 4)
    corners = [(GAP + n % columns * step_x, GAP + n // columns * step_y) for n, _ in filled]
    for (x, y), (_, cell) in zip(corners, filled, strict=True):
        for line, text in enumerate(cell.lines):
            ink = _ALARM if cell.alarm else _INK
            pen.text((x, y + height + line * TEXT), _shorten(text, font, width), ink, font)
    files = [cell.file for _, cell in filled]
    for index, image in decodable(files, lambda _, image: (image,), crop_bottom):
        x, y = corners[int(index)]
        photo = Image.fromarray(image.numpy())
        photo.thumbnail(PHOTO)
        sheet.paste(photo, (x + (width - photo.width) // 2, y + height - photo.height))
    with replacing(path) as beside:
        sheet.save(beside)


def _shorten(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    """Cuts the middle out of a text that is wider than `width` pixels."""
    keep = len(text)
    short = text
    while font.getlength(short) > width and keep > 2:
        keep -= 1
        short = f"{text[: keep // 2]}…{text[-(keep - keep // 2) :]}"
    return short
