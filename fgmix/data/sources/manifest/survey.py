"""Reads a table that names photos, and looks for its photos."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from fgmix.data.dataset import ImageDataset
from fgmix.data.sources.layout import Layout
from fgmix.data.sources.manifest.columns import find_columns, parse_columns
from fgmix.data.sources.manifest.naming import name_of
from fgmix.data.sources.manifest.photos import Photos
from fgmix.data.sources.manifest.table import Cells, read_cells
from fgmix.data.sources.names import require_storable
from fgmix.data.sources.split_folders import SPLIT_NAMES, WHOLE
from fgmix.data.sources.walk import Found, Kind, describe_left_out, kind_of
from fgmix.errors import FgmixError


class Row(NamedTuple):
    """A row of a table.

    Attributes:
        number: As a spreadsheet numbers it.
        path: The photo, relative to the root.
        label: The name of its class.
        split: `"train"`, `"val"` or `"test"`, or `"all"` in a table without splits.
        kind: What the photo is, by its file's name; `LINK` if it is not there.
    """

    number: int
    path: str
    label: str
    split: str
    kind: Kind = Kind.IMAGE


@dataclass(frozen=True)
class Manifest:
    """A table and the photos that it names.

    Attributes:
        table: The file.
        root: The folder that the rows' paths are relative to.
        rows: One for each image, there or not. An image has several if they contradict each other.
        unread: The rows of files that are not read.
        repeated: The rows that say the same as an earlier one.
        hint: Where the first missing image may be, in words.
        beside: How many images are in the folders of the images.
    """

    table: Path
    root: Path
    rows: tuple[Row, ...]
    unread: tuple[Row, ...]
    repeated: tuple[Row, ...]
    hint: str
    beside: int

    @property
    def missing(self) -> tuple[Row, ...]:
        """The rows of images that are not there."""
        return tuple(row for row in self.rows if row.kind is Kind.LINK)

    @property
    def left_out(self) -> tuple[Found, ...]:
        """The files that the table names and that are not read, relative to the root."""
        return tuple(Found(Path(row.path), row.kind) for row in self.unread)

    @cached_property
    def layout(self) -> Layout:
        """The rows by split and class, sorted by path, as a folder of class folders has them."""
        images: dict[str, dict[str, list[str]]] = {}
        for row in sorted(self.rows, key=lambda row: row.path.split("/")):
            images.setdefault(row.split, {}).setdefault(row.label, []).append(row.path)
        splits = [split for split in (*SPLIT_NAMES, WHOLE) if split in images]
        return Layout(
            self.root,
            dict.fromkeys(splits, self.root),
            {s: {label: tuple(paths) for label, paths in images[s].items()} for s in splits},
            self.left_out,
            (),
        )

    @property
    def dataset(self) -> ImageDataset:
        """All images, in the splits that the table has, or in a single split `"all"`."""
        return replace(self.layout.dataset, name=name_of(self.table))


def survey_manifest(
    table: Path, data_dir: Path | None = None, columns: str | None = None
) -> Manifest:
    """Reads a table and looks for its images.

    It refuses only what nothing can be made of: images may be missing or have two labels, and there
    may be too few for a data set.

    Args:
        table: The file.
        data_dir: The folder that relative paths start from; by default that of the table.
        columns: The names of its columns, as for `--columns`.

    Raises:
        FgmixError: If the table can't be read, a row has no path, no label or no known split, or
            names a folder, or no row names an image.
    """
    base = data_dir or table.parent
    if not base.is_dir():
        raise FgmixError(f"there is no folder {base}: give the folder of the photos as --data-dir")
    cells = read_cells(table, lambda names: find_columns(table, names, parse_columns(columns)))
    _require_filled(table, cells)
    photos = Photos(base, [path for _, (path, _, _) in cells])
    rows: dict[tuple[str, str, str], Row] = {}
    repeated = []
    for row in _rows(table, cells, photos):
        if rows.setdefault(row[1:4], row) is not row:
            repeated.append(row)
    read = (Kind.IMAGE, Kind.LINK)
    images = tuple(row for row in rows.values() if row.kind in read)
    unread = tuple(row for row in rows.values() if row.kind not in read)
    missing = next((row.number for row in images if row.kind is Kind.LINK), None)
    written = {number: path for number, (path, _, _) in cells}
    found = Manifest(
        table,
        photos.root,
        images,
        unread,
        tuple(repeated),
        "" if missing is None else photos.hint(written[missing]),
        photos.count_beside(),
    )
    if not images:
        raise FgmixError(f"{table} names no image, but {describe_left_out(found.left_out)}")
    return found


def read_photos(table: Path) -> list[Path]:
    """Returns the photos that a table names in its column `path`, in its order, each once.

    Photos that are not there are among them: whoever reads them says so.

    Raises:
        FgmixError: If the table can't be read.
    """
    cells = read_cells(table, lambda names: find_columns(table, names, {"path": "path"}))
    photos = Photos(table.parent, [path for _, (path,) in cells])
    # Told as the table is given, as the images of a folder are.
    root = table.parent if photos.root == table.parent.absolute() else photos.root
    return [root / path for path in dict.fromkeys(photos.relative)]


def _rows(table: Path, cells: Sequence[Cells], photos: Photos) -> Iterator[Row]:
    require_storable(photos.root, photos.relative)
    splits = _splits(table, cells)
    for (number, (_, label, _)), split, path, place in zip(
        cells, splits, photos.relative, photos.places, strict=True
    ):
        if place.is_folder:
            raise FgmixError(
                f"{table}, row {number}: {place.file} is a folder: give the file of a photo, or "
                f"remove the row"
            )
        kind = kind_of(place.file) if place.is_file else Kind.LINK
        yield Row(number, path, label.strip(), split, kind)


def _require_filled(table: Path, cells: Sequence[Cells]) -> None:
    for index, role in enumerate(("path", "label")):
        empty = [number for number, row in cells if not row[index].strip()]
        if empty:
            raise FgmixError(
                f"{table}, row {empty[0]}: its {role} is empty{and_more(len(empty))}: fill it in, "
                f"or remove the row"
            )


def _splits(table: Path, cells: Sequence[Cells]) -> list[str]:
    """Returns the split of every row under our name; a table without splits is one."""
    written = [row[2].strip() for _, row in cells]
    if not any(written):
        return [WHOLE] * len(cells)
    known = {name: split for split, names in SPLIT_NAMES.items() for name in names}
    strange = [i for i, name in enumerate(written) if name.lower() not in known]
    if strange:
        name, (number, _) = written[strange[0]], cells[strange[0]]
        what = f"no split is called {name!r}" if name else "its split is empty"
        raise FgmixError(
            f"{table}, row {number}: {what}{and_more(len(strange))}: write one of "
            f"{', '.join(known)} in every row, or read no splits: --columns split="
        )
    return [known[name.lower()] for name in written]


def and_more(count: int) -> str:
    """Returns how many rows have what a message says of one, in words; `""` if no other has."""
    return f" (and {count - 1} more)" if count > 1 else ""
