"""Loads a folder of class folders, with or without folders of splits above them."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from fgmix.data.dataset import ImageDataset, concatenate
from fgmix.data.sources.layout import Layout, survey_folder
from fgmix.data.sources.manifest.naming import is_table
from fgmix.data.sources.names import differing, looks_like, require_class_names
from fgmix.data.sources.split_folders import WHOLE
from fgmix.data.sources.walk import (
    SHOWN_SUFFIXES,
    Kind,
    describe_left_out,
    subfolders,
    tell_left_out,
    tell_once,
)
from fgmix.data.splits import hold_out_test
from fgmix.errors import FgmixError
from fgmix.invocation import command


def load_folder(
    root: Path, name: str | None = None, split_seed: int = 0, skipped: Collection[str] = ()
) -> ImageDataset:
    """Loads `root/<class>/**` or `root/<split>/<class>/**`.

    Class names are the names of the folders, in alphabetical order; images in folders below them
    are of the same class. Split folders are called `train` or `training`, `val`, `valid` or
    `validation`, and `test` or `testing`, in any case. Images are recognized by their suffix (JPEG,
    PNG, BMP, GIF, WebP, in any case). Symbolic links to files and to class folders are followed.
    Photos that are left out are logged in one line. Without split folders, a fifth of every class
    becomes the test split. With a training and a validation folder but no test folder, the
    validation folder is the test split.

    Args:
        root: The folder.
        name: The name of the data set; by default the name of the folder.
        split_seed: Seeds the test split if there are no split folders.
        skipped: Images to leave out before the test split is drawn, relative to the root.

    Raises:
        FgmixError: If the folder is missing, a class has no images, there are fewer than 2 classes,
            a symbolic link is broken, a name can't be stored, two class names look alike, a split
            has classes that the training split lacks, or it is not clear which folders are splits.
    """
    if not root.is_dir():
        raise FgmixError(f"no data folder {str(root)!r}: give the folder that holds the classes")
    layout = survey_folder(root)
    tell_left_out(root, layout.left_out)
    nested = layout.describe_nested()
    if nested:
        tell_once(nested)
    _refuse_broken_links(layout)
    name = name or root.resolve().name
    if WHOLE in layout.folders:
        _require_classes(layout, WHOLE)
        splits = {"train": layout.split(WHOLE, layout.class_names)}
        whole = replace(layout.dataset, name=name, splits=splits).without(skipped)
        return hold_out_test(whole, split_seed, "give test photos in a folder of their own")

    if len(layout.folders) == 1:
        train = layout.folders["train"].name
        raise FgmixError(f"{root} has a {train} but no test folder: add test (or val) beside it")
    _require_classes(layout, "train")
    class_names = tuple(sorted(layout.images["train"]))
    parts = {"train": "train", "test": "test" if "test" in layout.folders else "val"}
    if len(layout.folders) == 3:
        parts["val"] = "val"
    for split, part in parts.items():
        _require_known_classes(layout, part, class_names, may_lack_classes=split == "val")
    splits = {split: layout.split(part, class_names) for split, part in parts.items()}
    found = ImageDataset(name, root, class_names, splits, left_out=layout.left_out)
    return found.without(skipped)


def load_split(root: Path, split: str) -> ImageDataset | None:
    """Loads one split of a folder of split folders, or all images, whatever else there is.

    To measure a model, a single class or a class with a single image is enough.

    Args:
        root: The folder.
        split: `"train"`, `"val"` or `"test"`, or `"all"` for the images of all splits.

    Returns:
        The images as a data set of this split alone; None if no folder is that split.

    Raises:
        FgmixError: If a link is broken, a name can't be stored, or there are no images.
    """
    layout = survey_folder(root, needs_train=False)
    _refuse_broken_links(layout)
    if split not in (*layout.folders, WHOLE):
        return None
    tell_left_out(root, layout.left_out)
    whole = layout.dataset
    wanted = list(whole.splits.values()) if split == WHOLE else [whole.splits[split]]
    found = concatenate(wanted)
    if not len(found):
        raise FgmixError(f"{root} holds no image ({SHOWN_SUFFIXES}): give a folder of classes")
    require_class_names(root, whole.class_names)
    return replace(whole, splits={split: found})


def _require_classes(layout: Layout, split: str) -> None:
    """Checks that a split has at least 2 classes, each with images and a name of its own."""
    folder, images = layout.folders[split], layout.images[split]
    if len(images) < 2:
        within = [folder / name for name in images if len(subfolders(folder / name)) > 1]
        hint = f"; or give {within[0]}, if its folders are the classes" if within else ""
        tables = sorted(path for path in folder.iterdir() if is_table(path.name))
        if tables and not within:
            hint = f"; or give {tables[0]}, if it names the photos and their labels"
        raise FgmixError(
            f"{folder} holds {len(images)} class folder(s): a data set needs at least 2, "
            f"one folder of photos per class{hint}"
        )
    require_class_names(folder, list(images))
    for name, paths in images.items():
        if not paths:
            raise _without_images(layout, split, name)


def _require_known_classes(
    layout: Layout, split: str, class_names: Collection[str], *, may_lack_classes: bool
) -> None:
    """Checks that a split has the classes of the training split."""
    folder, images = layout.folders[split], layout.images[split]
    unknown = [name for name in images if name not in class_names]
    for name in unknown:
        alike = looks_like(name, class_names)
        if alike:
            raise FgmixError(
                f"{layout.folders['train']} and {folder} have classes {differing(alike, name)}: "
                f"give both the same name"
            )
    if unknown:
        raise FgmixError(f"{folder} has class(es) that train lacks: {', '.join(unknown)}")
    if not images:
        raise FgmixError(f"{folder} holds no class folders: put its photos into {folder}/CLASS")
    for name in class_names:
        if not images.get(name) and not may_lack_classes:
            raise _without_images(layout, split, name)


def _without_images(layout: Layout, split: str, class_name: str) -> FgmixError:
    folder = layout.folders[split] / class_name
    place = folder.relative_to(layout.root)
    left_out = [f for f in layout.left_out if f.is_photo and f.path.is_relative_to(place)]
    there = f", but {describe_left_out(left_out)}" if left_out else ""
    remedy = f"convert them with {command('import')}" if left_out else "add photos"
    return FgmixError(
        f"class folder {str(folder)!r} holds no image ({SHOWN_SUFFIXES}){there}: {remedy}, or "
        f"remove the class"
    )


def _refuse_broken_links(layout: Layout) -> None:
    used = [folder.relative_to(layout.root) for folder in layout.folders.values()]
    for path, kind in layout.left_out:
        if kind is Kind.LINK and any(map(path.is_relative_to, used)):
            raise FgmixError(f"the link {layout.root / path} is broken: fix or remove it")
