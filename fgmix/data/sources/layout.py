"""Surveys a folder of class folders, whether or not it can be trained on."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fgmix.data.dataset import ImageDataset, Split
from fgmix.data.sources.folder import is_image_file

PARTS = ("train", "val", "test")


@dataclass(frozen=True)
class Layout:
    """The content of a folder.

    Attributes:
        dataset: All images, in the splits that the folder has, or in a single split `"all"`. A
            class may have no images in a split.
        empty: Class folders without images, relative to the root.
        strays: Visible files that are in no class folder or do not have the suffix of an image.
    """

    dataset: ImageDataset
    empty: tuple[str, ...]
    strays: tuple[str, ...]


def survey_folder(root: Path) -> Layout:
    """Lists the images of `root/<class>` or `root/{train,val,test}/<class>`, and stray files.

    Unlike `load_folder`, which raises an error at the first problem, it collects all of them.
    """
    parts = [part for part in PARTS if (root / part).is_dir()]
    parts = parts if "train" in parts else []
    places = {part: root / part for part in parts} or {"all": root}
    class_names = sorted({folder.name for place in places.values() for folder in _folders(place)})
    splits, empty, used = {}, [], set()
    for name, place in places.items():
        paths: list[str] = []
        labels: list[int] = []
        for folder in _folders(place):
            images = sorted(path for path in folder.iterdir() if is_image_file(path))
            if not images and name != "val":  # a validation split may lack classes
                empty.append(folder.relative_to(root).as_posix())
            paths += [image.relative_to(root).as_posix() for image in images]
            labels += [class_names.index(folder.name)] * len(images)
        used.update(paths)
        splits[name] = Split(tuple(paths), np.array(labels, np.int32))
    strays = [path for path in _visible_files(root) if path not in used]
    dataset = ImageDataset(root.resolve().name, root, tuple(class_names), splits)
    return Layout(dataset, tuple(empty), tuple(strays))


def _folders(place: Path) -> list[Path]:
    return sorted(p for p in place.iterdir() if p.is_dir() and not p.name.startswith("."))


def _visible_files(root: Path) -> list[str]:
    found = []
    for folder, inner, files in os.walk(root):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        found += [
            (Path(folder) / name).relative_to(root).as_posix()
            for name in sorted(files)
            if not name.startswith(".")
        ]
    return found
