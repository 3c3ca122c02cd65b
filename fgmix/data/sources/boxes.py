"""The registry of data sets that say where in a photo the object is."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from fgmix.data.box import Box

Reader = Callable[[Path, Iterable[str]], dict[str, Box]]


class BoxSource(NamedTuple):
    """What a data set's boxes surround, and how they are read.

    Attributes:
        what: The thing in the box.
        read: From the data set's root and photos relative to it to the boxes of those that have
            one.
    """

    what: str
    read: Reader


# Imported when they are used, as in `sources`.


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
"""name, without its level -> its boxes."""


def find_box_source(dataset: str) -> BoxSource | None:
    """The boxes of a data set, if it is one that has them.

    Args:
        dataset: As a resolved config names it: folders by their whole path.
    """
    return BOX_SOURCES.get(dataset.partition("/")[0])


def _only(boxes: dict[str, Box], paths: Iterable[str]) -> dict[str, Box]:
    return {path: boxes[path] for path in paths if path in boxes}
