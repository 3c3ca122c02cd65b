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
from fgmix.data.sources.walk import find_unnamed, tell_left_out
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
"""Maps a level of labels to the file that lists its classes."""

PARTS = ("train", "val", "trainval", "test")
"""3,334, 3,333, 6,667 and 3,333 photos; `trainval` is `train` and `val` together."""

BANNER_ROWS = 20  # the photographer's name, at the bottom of every photo


def load_aircraft(folder: Path, level: str = "variant") -> ImageDataset:
    """Loads FGVC-Aircraft, downloading or unpacking it first if needed.

    The training split is all of `trainval`, as in published results. Validation images are held out
    from it as from any other data set; `read_part` reads the official `train` and `val`. Photos in
    `images/` that the annotations of the level don't name are logged in one line.

    Args:
        folder: The folder that holds the data set, unpacked or as the published archive, or the
            folder to download it to; or the archive itself.
        level: A name from `LEVELS`.

    Raises:
        FgmixError: If the data set can't be downloaded or unpacked, or is incomplete.
    """
    root = find_aircraft(folder)
    class_names = read_class_names(root, level)
    splits = {
        "train": read_part(root, level, "trainval", class_names),
        "test": read_part(root, level, "test", class_names),
    }
    name = "aircraft" if level == "variant" else f"aircraft/{level}"
    named = {path for split in splits.values() for path in split.paths}
    left_out = find_unnamed(root, "images", named)
    tell_left_out(root, left_out)
    return ImageDataset(name, root, class_names, splits, crop_bottom=BANNER_ROWS, left_out=left_out)


def find_aircraft(folder: Path) -> Path:
    """Finds the unpacked data set, downloading or unpacking the archive first if needed.

    Args:
        folder: See `load_aircraft`.

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
    """Reads the class names of a level, in the order of their labels.

    Raises:
        FgmixError: If the list is missing or unreadable.
    """
    return tuple(_lines(root / LEVELS[level]))


def read_part(root: Path, level: str, part: str, class_names: tuple[str, ...]) -> Split:
    """Reads an official split of the data set.

    Args:
        root: The folder from `find_aircraft`.
        level: A name from `LEVELS`.
        part: A name from `PARTS`.
        class_names: From `read_class_names`.

    Returns:
        The images, `images/<number>.jpg`, and their labels.

    Raises:
        FgmixError: If the annotations are missing, or name an unknown class or a missing image.
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
            raise FgmixError(f"{source} has {line!r}: not a class of {LEVELS[level]}")
        if f"{number}.jpg" not in present:
            raise FgmixError(f"{source} names images/{number}.jpg, which is missing from {root}")
        paths.append(f"images/{number}.jpg")
        labels.append(numbers[name.strip()])
    return Split(tuple(paths), np.array(labels, np.int32))


def read_boxes(root: Path) -> dict[str, Box]:
    """Reads the bounding box of the aircraft in every image.

    Args:
        root: The folder from `find_aircraft`.

    Returns:
        Boxes by image, `images/<number>.jpg`, in pixels of the uncropped image.

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
            raise FgmixError(f"{source} has {line!r}: not an image and four numbers") from error
        # In the file, pixels are counted from 1 and the last row and column are inclusive.
        boxes[f"images/{number}.jpg"] = Box(left - 1, top - 1, right, bottom)
    return boxes


def _lines(path: Path) -> list[str]:
    """Returns the non-empty lines of a file, stripped."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FgmixError(
            f"can't read {path} of FGVC-Aircraft ({error}): unpack it again"
        ) from error
    lines = [line.strip() for line in text.splitlines()]
    if not any(lines):
        raise FgmixError(f"{path} of FGVC-Aircraft is empty: unpack it again")
    return [line for line in lines if line]
