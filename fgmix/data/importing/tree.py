"""Finds splits and classes in the paths of a source: of an archive, a bucket or a folder."""

from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from fgmix.data.sources.split_folders import SPLIT_NAMES
from fgmix.data.sources.walk import (
    OTHER_SUFFIXES,
    SUFFIXES,
    Found,
    Kind,
    describe_left_out,
    is_system,
)

CONVERTED_SUFFIXES = frozenset(
    {
        *(".tif", ".tiff", ".heic", ".heif", ".hif", ".heics", ".avif", ".avifs", ".apng"),
        *(".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx", ".tga", ".ppm", ".pgm", ".pbm", ".pnm"),
    }
)
"""Suffixes of photos that fgmix doesn't read and that are converted."""

SPLIT_OF = {name: split for split, names in SPLIT_NAMES.items() for name in names}
"""The split that each name of a split folder stands for."""


class Place(NamedTuple):
    """Where a photo belongs.

    Attributes:
        split: The split, empty if there are none.
        label: The class, None if there are none.
    """

    split: str
    label: str | None


class Tree(NamedTuple):
    """The photos of a source by their paths.

    Attributes:
        places: The place of every photo that is imported, in the order of their paths.
        left_out: What is not imported, a line for each reason.
    """

    places: Mapping[str, Place]
    left_out: tuple[str, ...]


def kind_of_path(path: str) -> Kind:
    """Returns what a file is, by its path: `IMAGE` for photos that can be imported."""
    suffix = PurePosixPath(path).suffix.lower()
    if suffix not in SUFFIXES | CONVERTED_SUFFIXES:
        return Kind.FORMAT if suffix in OTHER_SUFFIXES else Kind.OTHER
    hidden = any(part.startswith(".") for part in PurePosixPath(path).parts)
    return Kind.HIDDEN if hidden else Kind.IMAGE


def find_tree(files: Iterable[str] | Mapping[str, Kind]) -> Tree:
    """Finds the split and class of every photo in `[SPLIT/]CLASS/**`.

    Folders that everything lies in count for nothing. If no photo lies in a folder of its own, the
    photos have no classes.

    Args:
        files: The paths of all files, with slashes; or what each is. By default it is told by the
            suffix.

    Example:
        >>> tree = find_tree(["set/train/audi/1.HEIC", "set/test/bmw/2.tif", "set/a.jpg"])
        >>> tree.places["set/test/bmw/2.tif"]
        Place(split='test', label='bmw')
        >>> tree.left_out
        ('1 photo in no class folder (such as set/a.jpg)',)
    """
    known = files if isinstance(files, Mapping) else {path: kind_of_path(path) for path in files}
    known = {p: kind for p, kind in known.items() if not any(map(is_system, p.split("/")))}
    photos = sorted(path for path, kind in known.items() if kind is Kind.IMAGE)
    aside = [Found(Path(path), kind) for path, kind in known.items() if kind is not Kind.IMAGE]
    parts = {path: PurePosixPath(path).parts for path in photos}
    while _lead_into_one(parts):
        parts = {path: found[1:] if len(found) > 1 else found for path, found in parts.items()}
    splits = _split_folders(parts.values())
    labelled = any(len(found) > 1 for found in parts.values())
    places = {}
    for path, found in parts.items():
        split = splits.get(found[0]) if len(found) > 1 else None
        if splits and split is None:
            aside.append(Found(Path(path), Kind.UNUSED if len(found) > 1 else Kind.OUTSIDE))
        elif labelled and len(found) < 2 + bool(splits):
            aside.append(Found(Path(path), Kind.OUTSIDE))
        else:
            label = found[bool(splits)] if labelled else None
            places[path] = Place(split or "", label)
    lines = [describe_left_out([f for f in aside if f.kind is kind]) for kind in Kind]
    return Tree(places, tuple(line for line in lines if line))


def _lead_into_one(parts: Mapping[str, tuple[str, ...]]) -> bool:
    """Returns whether all photos in folders lie in the same one, which is then no class."""
    within = [found for found in parts.values() if len(found) > 1]
    tops = {found[0] for found in within}
    return len(tops) == 1 and (len(within) == len(parts) or any(len(found) > 2 for found in within))


def _split_folders(parts: Iterable[tuple[str, ...]]) -> dict[str, str]:
    """Returns the split of each split folder; empty if the folders are classes.

    A folder with the name of a split is one if it holds folders of photos, and another split stands
    beside it: one like it, or photos to predict without classes, as in `test/1.jpg`.
    """
    tops = {found[0] for found in parts if len(found) > 1}
    deep = {found[0] for found in parts if len(found) > 2}
    if len(tops) > 1 and len(deep) == 1 and all(name.lower() in SPLIT_OF for name in tops):
        return dict.fromkeys(deep, "")
    splits = {name: SPLIT_OF[name.lower()] for name in sorted(deep) if name.lower() in SPLIT_OF}
    one_each = len(set(splits.values())) == len(splits)
    return splits if len(splits) > 1 and one_each and "train" in splits.values() else {}
