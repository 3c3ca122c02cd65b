"""Loads a folder of class folders, with or without the split folders train, val and test."""

from pathlib import Path

import numpy as np

from fgmix.data.dataset import ImageDataset, Split
from fgmix.data.splits import stratified_split
from fgmix.errors import FgmixError

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp"}
TEST_FRACTION = 0.2


def load_folder(root: Path, name: str | None = None, split_seed: int = 0) -> ImageDataset:
    """Loads `root/<class>/*` or `root/{train,val,test}/<class>/*`.

    Class names are the names of the folders, in alphabetical order. Images are recognized by their
    suffix (JPEG, PNG, BMP, GIF, WebP, in any case); hidden and other files are ignored. Symbolic
    links to files and to class folders are followed. Without split folders, a fifth of every class
    becomes the test split. With `train` and `val` but no `test`, `val` is the test split.

    Args:
        root: The folder.
        name: The name of the data set; by default the name of the folder.
        split_seed: Seeds the test split if there are no split folders.

    Raises:
        FgmixError: If the folder is missing, a class has no images, there are fewer than 2 classes,
            a symbolic link is broken, a name is not UTF-8 or has a line break, or a split has
            classes that `train` lacks.
    """
    if not root.is_dir():
        raise FgmixError(f"no data folder {str(root)!r}: give the folder that holds the classes")
    name = name or root.resolve().name
    parts = [part for part in ("train", "val", "test") if (root / part).is_dir()]
    if "train" not in parts:
        return _load_unsplit(root, name, split_seed)

    if len(parts) == 1:
        raise FgmixError(f"{root} has a train but no test folder: add test (or val) beside it")
    class_names = _class_names(root / "train")
    folders = {"train": "train", "test": "test" if "test" in parts else "val"}
    splits = {name: _read_split(root, part, class_names) for name, part in folders.items()}
    if len(parts) == 3:
        splits["val"] = _read_split(root, "val", class_names, may_lack_classes=True)
    return ImageDataset(name, root, class_names, splits)


def _load_unsplit(root: Path, name: str, split_seed: int) -> ImageDataset:
    class_names = _class_names(root)
    everything = _read_split(root, "", class_names)
    train, test = stratified_split(
        everything,
        TEST_FRACTION,
        split_seed,
        class_names,
        "testing",
        remedy="give test photos in a folder of their own",
    )
    return ImageDataset(name, root, class_names, {"train": train, "test": test})


def _class_names(folder: Path) -> tuple[str, ...]:
    names = sorted(path.name for path in _visible(folder) if path.is_dir())
    if len(names) < 2:
        raise FgmixError(
            f"{folder} holds {len(names)} class folder(s): a data set needs at least 2, "
            f"one folder of photos per class"
        )
    return tuple(names)


def _read_split(
    root: Path, part: str, class_names: tuple[str, ...], may_lack_classes: bool = False
) -> Split:
    unknown = [n for n in _class_names(root / part) if n not in class_names]
    if unknown:
        raise FgmixError(f"{root / part} has class(es) that train lacks: {', '.join(unknown)}")
    paths: list[str] = []
    labels: list[int] = []
    for label, name in enumerate(class_names):
        images = _image_files(root / part / name)
        if not images and not may_lack_classes:
            raise FgmixError(
                f"class folder {str(root / part / name)!r} holds no image "
                f"({', '.join(sorted(SUFFIXES))}): add photos, or remove the class"
            )
        paths += [path.relative_to(root).as_posix() for path in images]
        labels += [label] * len(images)
    return Split(tuple(paths), np.array(labels, np.int32))


def _image_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in _visible(folder) if is_image_file(path))


def _visible(folder: Path) -> list[Path]:
    """Lists the visible entries of a folder; refuses broken links and names runs can't store."""
    paths = [path for path in folder.iterdir() if not path.name.startswith(".")]
    for path in paths:
        if path.is_symlink() and not path.exists():
            raise FgmixError(f"the link {path} is broken: fix or remove it")
        if "\n" in path.name or not _is_text(path.name):
            raise FgmixError(f"rename {str(path)!r}: its name has a line break or is not UTF-8")
    return paths


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:  # Python represents bytes that are not UTF-8 as lone surrogates
        return False
    return True


def is_image_file(path: Path) -> bool:
    """Returns whether a path is a visible file with the suffix of an image."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
