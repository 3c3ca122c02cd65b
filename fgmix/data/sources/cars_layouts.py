"""Reads the two common layouts of Stanford Cars-196: the official one, and class folders."""

import re
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import numpy as np
import scipy.io

from fgmix.data.box import Box
from fgmix.data.dataset import ImageDataset, Split
from fgmix.data.sources.folder import load_folder
from fgmix.data.sources.walk import find_unnamed, tell_left_out
from fgmix.errors import FgmixError

ANNOTATIONS = {"train": "cars_train_annos.mat", "test": "cars_test_annos_withlabels.mat"}
META = "cars_meta.mat"


def read_official(root: Path, parts: Collection[str] = tuple(ANNOTATIONS)) -> ImageDataset:
    """Reads `cars_train/`, `cars_test/` and the MATLAB annotations in `devkit/`.

    `cars_test_annos_withlabels.mat` was published separately from the devkit and may also lie in
    `root`. Photos in the folders of the splits that the annotations don't name are logged in one
    line.

    Args:
        root: The folder that holds `devkit`.
        parts: The splits to read; the files of others may be missing.

    Raises:
        FgmixError: If a file of the layout is missing or unreadable, or an annotation names a
            missing image or an unknown class.
    """
    names = _load_mat(_require(root, META), "class_names")
    class_names = tuple(str(name) for name in names)
    splits = {part: _read_split(root, part, len(class_names)) for part in parts}
    left_out = [
        found
        for part, split in splits.items()
        for found in find_unnamed(root, f"cars_{part}", set(split.paths))
    ]
    tell_left_out(root, left_out)
    return ImageDataset("cars", root, class_names, splits, left_out=tuple(left_out))


def read_boxes(root: Path) -> dict[str, Box]:
    """Reads the bounding box of the car in every image of the official layout.

    Args:
        root: The folder that holds `devkit`.

    Returns:
        Boxes by image, relative to the root. Empty for class folders, and if the annotations have
        no boxes.

    Raises:
        FgmixError: If the annotations are missing or unreadable.
    """
    boxes = {}
    sides = ("bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2")
    for part, source in ANNOTATIONS.items():
        if find_file(root, source) is None:  # the layout of class folders
            return {}
        annotations = _load_mat(_require(root, source), "annotations")
        if not set(sides) <= set(annotations.dtype.names or ()):
            return {}
        for row in annotations:
            left, top, right, bottom = (int(row[side]) for side in sides)
            # In the file, pixels are counted from 1 and the last row and column are inclusive.
            boxes[f"cars_{part}/{row['fname']}"] = Box(left - 1, top - 1, right, bottom)
    return boxes


def read_class_folders(root: Path) -> ImageDataset:
    """Reads `{train,test}/<class>/*`, with the official names and order of the classes.

    The name of a folder can't contain the slash of `Ram C/V Cargo Van Minivan 2012`, and published
    versions replace it and other characters differently. Names are therefore compared by letters
    and digits only. If they are not the official names, classes keep the names of the folders, in
    alphabetical order.

    Args:
        root: The folder that holds `train` and `test`.

    Raises:
        FgmixError: As in `load_folder`.
    """
    data = load_folder(root, "cars")
    order = {_letters(name): (i, name) for i, name in enumerate(official_class_names())}
    found = [order.get(_letters(name)) for name in data.class_names]
    known = [entry for entry in found if entry is not None]
    if len(set(known)) < len(data.class_names):
        return data
    ordered = sorted(known)
    new_label = np.array([ordered.index(entry) for entry in known], np.int32)
    splits = {k: Split(v.paths, new_label[v.labels]) for k, v in data.splits.items()}
    return replace(data, class_names=tuple(name for _, name in ordered), splits=splits)


def official_class_names() -> tuple[str, ...]:
    """Returns the 196 names in the order of `cars_meta.mat`, from TFDS's `cars196`."""
    import tensorflow_datasets as tfds

    return tuple(tfds.builder("cars196").info.features["label"].names)


def find_file(root: Path, name: str) -> Path | None:
    """Returns the path of a file of the devkit in the official layout, or None."""
    paths = (root / "devkit" / name, root / name)
    return next((path for path in paths if path.is_file()), None)


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _require(root: Path, name: str) -> Path:
    path = find_file(root, name)
    if path is None:
        raise FgmixError(
            f"no {name} in {root / 'devkit'}: --data-dir must hold Cars-196 in its official layout "
            f"(cars_train/, cars_test/, devkit/{', devkit/'.join(ANNOTATIONS.values())}, "
            f"devkit/{META})"
        )
    return path


def _load_mat(path: Path, variable: str) -> np.ndarray:
    try:
        content = scipy.io.loadmat(path, squeeze_me=True)
    except Exception as error:  # SciPy raises many exception types for damaged files
        raise FgmixError(f"{path} is not a readable MATLAB file: {error}") from error
    if variable not in content:
        raise FgmixError(f"{path} has no {variable!r}: it is not the published file of Cars-196")
    return np.atleast_1d(content[variable])


def _read_split(root: Path, part: str, num_classes: int) -> Split:
    source = _require(root, ANNOTATIONS[part])
    annotations = _load_mat(source, "annotations")
    lacking = {"fname", "class"} - set(annotations.dtype.names or ())
    if lacking:
        raise FgmixError(
            f"{source} has no {' and no '.join(sorted(lacking))} in its annotations: it is not "
            f"the published {source.name}"
        )
    if not len(annotations):
        raise FgmixError(f"{source} has no annotations: get the published file")
    folder = f"cars_{part}"
    present = {p.name for p in (root / folder).iterdir()} if (root / folder).is_dir() else set()
    paths: list[str] = []
    labels: list[int] = []
    for row in annotations:
        name, label = str(row["fname"]), int(row["class"]) - 1
        if name not in present:
            raise FgmixError(f"{source} names {folder}/{name}, which is missing from {root}")
        if not 0 <= label < num_classes:
            raise FgmixError(
                f"{source} gives {name} the class {label + 1}; there are {num_classes}"
            )
        paths.append(f"{folder}/{name}")
        labels.append(label)
    return Split(tuple(paths), np.array(labels, np.int32))
