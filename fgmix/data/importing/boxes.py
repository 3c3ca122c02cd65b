"""Boxes around objects: read from a table or a COCO file, and found for each photo."""

import csv
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from fgmix.data.box import Box
from fgmix.data.importing.source import SourcePhoto
from fgmix.errors import FgmixError
from fgmix.files import sha256_of

OWN = "own"
"""Given in place of a file, for the boxes that a data set of fgmix has itself."""

_PATHS = ("path", "file_name", "filename", "file", "image", "image_path", "fname")
_CORNERS = (
    ("x1", "y1", "x2", "y2"),
    ("xmin", "ymin", "xmax", "ymax"),
    ("x_min", "y_min", "x_max", "y_max"),
    ("left", "top", "right", "bottom"),
    ("bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2"),
)
_SIZES = (("x", "y", "width", "height"), ("x", "y", "w", "h"))
_LABELS = ("label", "class", "class_name", "category", "name")


class LabelledBox(NamedTuple):
    """A box of a photo.

    Attributes:
        box: The box, in pixels of the upright photo.
        label: The class of the object in it; None if the file does not tell it.
    """

    box: Box
    label: str | None = None


@dataclass
class Boxes:
    """The boxes of a source's photos.

    Attributes:
        name: Where they are from, for the note.
        identity: What tells whether they are the same.
        by_path: The boxes of every photo, by the path that their file gives.
        used: The photo that each path was found to be.
    """

    name: str
    identity: str
    by_path: Mapping[str, Sequence[LabelledBox]]
    used: dict[str, str] = field(default_factory=dict)

    def of(self, photo: SourcePhoto) -> Sequence[LabelledBox]:
        """Returns the boxes of a photo; none if it has none.

        A path fits a photo if one of both is the end of the other, folder by folder.

        Raises:
            FgmixError: If the path fits several photos.
        """
        # The key of a row of a table is no path.
        path = photo.key if photo.key.endswith(photo.name) else photo.name
        for candidate in _ends(path):
            if candidate in self._whole:
                return self._take(self._whole[candidate], photo)
        fitting = self._ends.get(path, [])
        if len(fitting) > 1:
            raise FgmixError(
                f"the photo {path} may be {fitting[0]} or {fitting[1]} of {self.name}: give paths "
                f"as they are in the source"
            )
        return self._take(fitting[0], photo) if fitting else ()

    def _take(self, path: str, photo: SourcePhoto) -> Sequence[LabelledBox]:
        other = self.used.setdefault(path, photo.key)
        if other != photo.key:
            raise FgmixError(
                f"{self.name} names {path}, which may be {other} or {photo.key}: give paths with "
                f"their folders"
            )
        return self.by_path[path]

    @property
    def unused(self) -> list[str]:
        """The paths that fit no photo."""
        return [path for path in self.by_path if path not in self.used]

    def __post_init__(self) -> None:
        self._whole = {_plain(path): path for path in self.by_path}
        self._ends: dict[str, list[str]] = {}
        for path in self.by_path:
            for end in _ends(_plain(path)):
                self._ends.setdefault(end, []).append(path)


def read_boxes(path: Path) -> Boxes:
    """Reads boxes from a table (CSV) or a COCO file (JSON).

    A table has a column of paths, and `x1,y1,x2,y2` (also `xmin,ymin,xmax,ymax`,
    `left,top,right,bottom` or `x,y,width,height`), and may have one of classes. Pixels are counted
    from 0 at the upper left, as COCO does.

    Raises:
        FgmixError: If the file is missing, of another format, or has no boxes; a bad row is named.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise FgmixError(f"--boxes {path} can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise FgmixError(f"--boxes {path} is not text in UTF-8") from error
    is_json = text.lstrip()[:1] in ("{", "[")
    found: dict[str, list[LabelledBox]] = {}
    for name, box in (_coco if is_json else _table)(path, text):
        found.setdefault(name, []).append(box)
    if not found:
        raise FgmixError(f"--boxes {path} has no boxes")
    return Boxes(str(path.resolve()), sha256_of(path), found)


def _table(path: Path, text: str) -> Iterator[tuple[str, LabelledBox]]:
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    rows = csv.reader(text.splitlines(), delimiter=delimiter)
    header = [name.strip().lower() for name in next(rows, [])]
    name = _column(header, _PATHS)
    label = _column(header, _LABELS)
    corners = next((c for c in _CORNERS if set(c) <= set(header)), None)
    sizes = next((c for c in _SIZES if set(c) <= set(header)), None)
    sides = corners or sizes
    if name is None or sides is None:
        raise FgmixError(
            f"--boxes {path} needs the columns path,x1,y1,x2,y2 (or x,y,width,height); it has "
            f"{','.join(header)[:120] or 'none'}"
        )
    indices = [header.index(side) for side in sides]
    for row in rows:
        if not any(row):
            continue
        try:
            numbers = [float(row[i]) for i in indices]
            file, told = row[name], row[label].strip() if label is not None else ""
        except (ValueError, IndexError) as error:
            raise FgmixError(
                f"--boxes {path}, line {rows.line_num}: not a path and four numbers"
            ) from error
        where = f"--boxes {path}, line {rows.line_num}"
        yield file, LabelledBox(_box(numbers, corners is None, where), told or None)


def _column(header: Sequence[str], names: Iterable[str]) -> int | None:
    return next((header.index(name) for name in names if name in header), None)


def _coco(path: Path, text: str) -> Iterator[tuple[str, LabelledBox]]:
    try:
        content = json.loads(text)
        files = {image["id"]: str(image["file_name"]) for image in content["images"]}
        labels = {one["id"]: str(one["name"]) for one in content.get("categories") or ()}
        annotations = content["annotations"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise FgmixError(
            f"--boxes {path} is no COCO file: it needs images (id, file_name) and annotations "
            f"(image_id, bbox)"
        ) from error
    for number, one in enumerate(annotations):
        where = f"--boxes {path}, annotation {number}"
        try:
            file = files[one["image_id"]]
            numbers = [float(value) for value in one["bbox"]]
            label = labels.get(one.get("category_id"))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise FgmixError(f"{where}: no image_id of an image, or no bbox") from error
        yield file, LabelledBox(_box(numbers, True, where), label)


def _box(numbers: Sequence[float], is_size: bool, where: str) -> Box:
    if len(numbers) != 4 or not all(map(math.isfinite, numbers)):
        raise FgmixError(f"{where}: a box has four numbers, not {list(numbers)}")
    left, top, third, fourth = numbers
    return Box(left, top, left + third, top + fourth) if is_size else Box(*numbers)


def _plain(path: str) -> str:
    return str(PurePosixPath(path.strip().replace("\\", "/"))).lstrip("/")


def _ends(path: str) -> Iterator[str]:
    """Yields a path, and what is left of it without its first folders."""
    parts = PurePosixPath(path).parts
    return ("/".join(parts[i:]) for i in range(len(parts)))


def own_boxes(name: str, read: Callable[[], Mapping[str, Any]] | None) -> Boxes:
    """Returns the boxes that a source has itself.

    Raises:
        FgmixError: If it has none.
    """
    found = read() if read is not None else {}
    if not found:
        raise FgmixError(
            f"--boxes {OWN}: {name} has no boxes of its own; cars and aircraft have: give a file"
        )
    return Boxes("the set's own", OWN, {path: [LabelledBox(box)] for path, box in found.items()})
