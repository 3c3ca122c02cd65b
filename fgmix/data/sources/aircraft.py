"""FGVC-Aircraft 2013b: 10,000 photos of aircraft, labelled at three levels.

Source: S. Maji, E. Rahtu, J. Kannala, M. Blaschko and A. Vedaldi, "Fine-Grained Visual
Classification of Aircraft", 2013, https://www.robots.ox.ac.uk/~vgg/data/fgvc-aircraft/. The photos
are for non-commercial research only.
"""

import logging
from pathlib import Path

import numpy as np

from fgmix.data.box import Box
from fgmix.data.dataset import ImageDataset, Split
from fgmix.data.sources.archive import unpack_folder
from fgmix.data.sources.download import download
from fgmix.errors import FgmixError

log = logging.getLogger(__name__)

URL = "https://www.robots.ox.ac.uk/~vgg/data/fgvc-aircraft/archives/fgvc-aircraft-2013b.tar.gz"
CHECKSUM = "md5:d4acdd33327262359767eeaa97a4f732"
ARCHIVE, FOLDER = "fgvc-aircraft-2013b.tar.gz", "fgvc-aircraft-2013b"

LEVELS = {
    "variant": "variants.txt",  # 100 classes
    "family": "families.txt",  # 70
    "manufacturer": "manufacturers.txt",  # 30
}
"""The levels of the labels, and the file that lists each one's classes."""

PARTS = ("train", "val", "trainval", "test")
"""3,334, 3,333, 6,667 and 3,333 photos; `trainval` is `train` and `val` together."""

BANNER_ROWS = 20  # the photographer's name, at the bottom of every photo


def load_aircraft(folder: Path, level: str = "variant") -> ImageDataset:
    """Reads FGVC-Aircraft, unpacking or downloading it first where that is needed.

    The training split is the whole of `trainval`, as published results have it. A validation
    share is taken from it like from any other data set; `read_part` reads the official halves.

    Args:
        folder: Where the data set lies, unpacked or as the published archive, or is put.
        level: A name from `LEVELS`.

    Raises:
        FgmixError: If it can't be brought here, or isn't whole.
    """
    root = find_aircraft(folder)
    class_names = read_class_names(root, level)
    splits = {
        "train": read_part(root, level, "trainval", class_names),
        "test": read_part(root, level, "test", class_names),
    }
    name = "aircraft" if level == "variant" else f"aircraft/{level}"
    return ImageDataset(name, root, class_names, splits, crop_bottom=BANNER_ROWS)


def find_aircraft(folder: Path) -> Path:
    """Finds the unpacked data, or unpacks the archive, which is downloaded if it isn't there.

    Args:
        folder: A folder that holds the data set or is to hold it, or the archive itself.

    Returns:
        The folder that holds `images/` and the annotations.

    Raises:
        FgmixError: If the archive can't be downloaded or unpacked.
    """
    archive = folder if folder.is_file() else folder / ARCHIVE
    folder = archive.parent
    for root in (folder, folder / "data"):
        if (root / LEVELS["variant"]).is_file():
            return root
    unpacked = folder / FOLDER
    if not unpacked.exists():
        if not archive.exists():
            log.info("FGVC-Aircraft is not in %s: 2.6 GiB to download", folder)
            log.info("its photos are for non-commercial research only")
            download(URL, archive, CHECKSUM)
        unpack_folder(archive, unpacked, CHECKSUM)
    return unpacked / "data"


def read_class_names(root: Path, level: str) -> tuple[str, ...]:
    """Reads the classes of a level, in the order of their numbers.

    Raises:
        FgmixError: If the list is missing or unreadable.
    """
    return tuple(_lines(root / LEVELS[level]))


def read_part(root: Path, level: str, part: str, class_names: tuple[str, ...]) -> Split:
    """Reads an official part of the data set.

    Args:
        root: The folder from `find_aircraft`.
        level: A name from `LEVELS`.
        part: A name from `PARTS`.
        class_names: From `read_class_names`.

    Returns:
        The photos, `images/<number>.jpg`, and their labels.

    Raises:
        FgmixError: If the annotations are missing, or name an unknown class or a missing photo.
    """
    source = root / f"images_{level}_{part}.txt"
    numbers = {name: label for label, name in enumerate(class_names)}
    images = root / "images"
    present = {path.name for path in images.iterdir()} if images.is_dir() else set()
    paths: list[str] = []
    labels: list[int] = []
    for line in _lines(source):
        number, _, name = line.partition(" ")  # a class name may hold spaces
        if name.strip() not in numbers:
            raise FgmixError(f"{source} has {line!r}: no class of {LEVELS[level]}")
        if f"{number}.jpg" not in present:
            raise FgmixError(f"{source} names images/{number}.jpg, which is missing from {root}")
        paths.append(f"images/{number}.jpg")
        labels.append(numbers[name.strip()])
    return Split(tuple(paths), np.array(labels, np.int32))


def read_boxes(root: Path) -> dict[str, Box]:
    """Reads where the aircraft is in every photo.

    Args:
        root: The folder from `find_aircraft`.

    Returns:
        Photo, `images/<number>.jpg` -> box, in the pixels of the whole photo.

    Raises:
        FgmixError: If `images_box.txt` is missing or unreadable.
    """
    source = root / "images_box.txt"
    boxes = {}
    for line in _lines(source):
        try:
            number, *sides = line.split()
            left, top, right, bottom = map(int, sides)
        except ValueError as error:
            raise FgmixError(f"{source} has {line!r}: no photo and four sides") from error
        # Counted from 1, the last row and column included.
        boxes[f"images/{number}.jpg"] = Box(left - 1, top - 1, right, bottom)
    return boxes


def _lines(path: Path) -> list[str]:
    """The lines of a list that hold something."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FgmixError(f"can't read {path} of FGVC-Aircraft ({error}): unpack it anew") from error
    lines = [line.strip() for line in text.splitlines()]
    if not any(lines):
        raise FgmixError(f"{path} of FGVC-Aircraft is empty: unpack it anew")
    return [line for line in lines if line]
