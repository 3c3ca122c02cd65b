"""Finds the splits and classes of a folder of class folders, and names what is in none of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fgmix.data.dataset import ImageDataset, Split
from fgmix.data.importing.note import MANIFEST, NOTE, read_note
from fgmix.data.sources.names import require_storable
from fgmix.data.sources.split_folders import WHOLE, find_split_folders
from fgmix.data.sources.walk import Found, Kind, subfolders, walk


@dataclass(frozen=True)
class Layout:
    """The content of a folder.

    Attributes:
        root: The folder.
        folders: The folder of each split, by the split's name; `root` by the name `"all"` if the
            folder has no splits.
        images: Images by split and class, relative to the root. A class without images has an
            empty tuple.
        left_out: Photos that are not read, and files in class folders that are no photos, relative
            to the root.
        strays: Visible files that are no photos, relative to the root.
    """

    root: Path
    folders: dict[str, Path]
    images: dict[str, dict[str, tuple[str, ...]]]
    left_out: tuple[Found, ...]
    strays: tuple[str, ...]

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the classes of all splits, in alphabetical order."""
        return tuple(sorted({name for classes in self.images.values() for name in classes}))

    @property
    def empty(self) -> tuple[str, ...]:
        """Class folders without images, relative to the root. A class may be empty in `val`."""
        return tuple(
            (self.folders[split] / name).relative_to(self.root).as_posix()
            for split, classes in self.images.items()
            for name, images in classes.items()
            if not images and split != "val"
        )

    @property
    def dataset(self) -> ImageDataset:
        """All images, in the splits that the folder has, or in a single split `"all"`."""
        names = self.class_names
        splits = {name: self.split(name, names) for name in self.folders}
        return ImageDataset(
            self.root.resolve().name, self.root, names, splits, left_out=self.left_out
        )

    def split(self, name: str, class_names: Sequence[str]) -> Split:
        """Returns the images of a split, class by class."""
        found = [self.images[name].get(class_name, ()) for class_name in class_names]
        labels = np.repeat(np.arange(len(found)), [len(images) for images in found])
        return Split(tuple(p for images in found for p in images), labels.astype(np.int32))

    def describe_nested(self) -> str | None:
        """Returns in one line which images lie below their class folder, or None if none does."""
        nested = [
            path
            for split, classes in self.images.items()
            for name, images in classes.items()
            for path in images
            if (self.root / path).parent != self.folders[split] / name
        ]
        if not nested:
            return None
        return (
            f"{len(nested)} photo(s) in folders below a class folder, such as {nested[0]}, are of "
            f"that class"
        )


def survey_folder(root: Path, needs_train: bool = True) -> Layout:
    """Lists the images of `root/<class>` or `root/<split>/<class>`, and what is left out.

    Images in folders below a class folder are of that class. It refuses only what nothing can be
    made of: a data set may be too small to train on, or have empty classes.

    Raises:
        FgmixError: If a name can't be stored, or if it is not clear which folders are splits.
    """
    folders = find_split_folders(root, needs_train)
    own = {MANIFEST, NOTE} if read_note(root) else set()  # what `import` writes beside the photos
    images: dict[str, dict[str, tuple[str, ...]]] = {}
    left_out: list[Found] = []
    strays: list[str] = []
    for split, folder in folders.items():
        classes: dict[str, list[str]] = {path.name: [] for path in subfolders(folder)}
        require_storable(folder, classes)
        for path, kind in walk(folder):
            relative = path.relative_to(root)
            require_storable(root, [str(relative)])
            class_name, *inside = path.relative_to(folder).parts
            in_class = bool(inside) and class_name in classes
            if kind is Kind.IMAGE and in_class:
                classes[class_name].append(relative.as_posix())
            elif kind is Kind.IMAGE:
                left_out.append(Found(relative, Kind.OUTSIDE))
            elif in_class or kind is not Kind.OTHER:
                left_out.append(Found(relative, kind))
            if kind is Kind.OTHER and str(relative) not in own:
                strays.append(relative.as_posix())
        images[split] = {name: tuple(paths) for name, paths in classes.items()}
    if WHOLE not in folders:
        for path, kind in walk(root, without=set(folders.values())):
            relative = path.relative_to(root)
            require_storable(root, [str(relative)])
            if kind is Kind.OTHER:
                strays += [relative.as_posix()] * (str(relative) not in own)
            else:
                outside = Kind.UNUSED if len(relative.parts) > 1 else Kind.OUTSIDE
                left_out.append(Found(relative, outside if kind is Kind.IMAGE else kind))
    return Layout(root, folders, images, tuple(left_out), tuple(strays))
