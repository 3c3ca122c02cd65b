"""The registry of data sets with bounding boxes of the object in each image."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from fgmix.data.box import Box

Reader = Callable[[Path, Iterable[str]], dict[str, Box]]
"""`(root, paths) -> boxes by path`."""


class BoxSource(NamedTuple):
    """The boxes of a data set.

    Attributes:
        what: What the boxes surround, for reports.
        read: `(root, paths) -> boxes`: reads the boxes of images, by path relative to the root.
            Images without a box are left out.
    """

    what: str
    read: Reader


# Sources are imported when they are used, as in `registry`.


def _aircraft(root: Path, paths: Iterable[str]) -> dict[str, Box]:
    from fgmix.data.sources.aircraft import read_boxes

    return _only(read_boxes(root), paths)


def _cars(root: Path, paths: Iterable[str]) -> dict[str, Box]:
    from fgmix.data.sources.cars_layouts import read_boxes

    return _only(read_boxes(root), paths)


def _demo(root: Path, paths: Iterable[str]) -> dict[str, Box]:
    from fgmix.data.sources.demo.dataset import read_tail_boxes

    return read_tail_boxes(paths)


BOX_SOURCES: dict[str, BoxSource] = {
    "aircraft": BoxSource("the aircraft", _aircraft),
    "cars": BoxSource("the car", _cars),
    "demo": BoxSource("the tail, all that tells the classes apart", _demo),
}
"""Maps a data set's name, without its level, to its boxes."""


def find_box_source(dataset: str) -> BoxSource | None:
    """Returns the boxes of a data set, or None if it has none.

    Args:
        dataset: The data set as in a resolved config: a name, or the absolute path of a folder.
    """
    return BOX_SOURCES.get(dataset.partition("/")[0])


def _only(boxes: dict[str, Box], paths: Iterable[str]) -> dict[str, Box]:
    return {path: boxes[path] for path in paths if path in boxes}
