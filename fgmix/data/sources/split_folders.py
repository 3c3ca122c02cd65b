"""Tells split folders from class folders: `train` may be either."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from fgmix.data.sources.walk import Kind, subfolders, walk
from fgmix.errors import FgmixError

SPLIT_NAMES = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation"),
    "test": ("test", "testing"),
}
"""Names of the folder of a split, in any case."""

WHOLE = "all"
"""Stands for the only split of a folder without split folders."""

PHOTOS = (Kind.IMAGE, Kind.FORMAT)


class _Folder(NamedTuple):
    """What a folder holds.

    Attributes:
        path: The folder.
        direct: Whether there are photos directly in it.
        below: Whether there are photos in folders below it.
    """

    path: Path
    direct: bool
    below: bool

    @property
    def is_flat(self) -> bool:
        """Whether its photos lie directly in it, as those of a class do."""
        return self.direct and not self.below


def find_split_folders(root: Path, needs_train: bool = True) -> dict[str, Path]:
    """Finds the folders of the splits of a data set.

    A folder with the name of a split is one if it holds class folders. If `train` holds photos
    itself and stands beside other folders of photos, without another split, it is a class.

    Args:
        root: The folder of the data set.
        needs_train: Whether split folders without a training split are refused.

    Returns:
        The folder of each split by `"train"`, `"val"` and `"test"`; or `root` by `"all"`, if the
        folders in it are classes.

    Raises:
        FgmixError: If it is not clear which folders are splits.
    """
    inside = subfolders(root)
    named = {
        split: [_look_into(path) for path in inside if path.name.lower() in names]
        for split, names in SPLIT_NAMES.items()
    }
    named = {split: found for split, found in named.items() if found}
    candidates = [folder for found in named.values() for folder in found]
    others = [p for p in inside if p not in {c.path for c in candidates} and _holds_photos(p)]
    if not named:
        _refuse_splits_within(root, others)
        return {WHOLE: root}
    if all(folder.is_flat for folder in candidates):
        if len(candidates) > 1:
            raise FgmixError(
                f"{root}: {_names(candidates)} hold photos but no class folders: sort their photos "
                f"into a folder per class, such as {candidates[0].path.name}/CLASS; if they are "
                f"classes, move them below one more folder, train, with a test folder beside it"
            )
        return {WHOLE: root}
    for split, found in named.items():
        if len(found) > 1:
            raise FgmixError(
                f"{root} has more than one folder of the split {split}: {_names(found)}; keep one "
                f"of them, or rename the others"
            )
    _refuse_unclear(
        root, {split: folder for split, (folder,) in named.items()}, others, needs_train
    )
    return {split: found[0].path for split, found in named.items()}


def _refuse_unclear(
    root: Path, named: dict[str, _Folder], others: list[Path], needs_train: bool
) -> None:
    """Refuses split folders without `train`, and folders that may be splits or classes."""
    found = _names(named.values())
    if others and ("train" not in named or len(named) == 1):
        some = ", ".join(path.name for path in others[:3]) + ", ..." * bool(others[3:])
        raise FgmixError(
            f"{root}: {found} may be split or class: its photos lie in folders, and beside it are "
            f"the folders {some}; if it is a class, move its photos directly into it; if it is a "
            f"split, put train and test side by side, and {some} into them"
        )
    if "train" not in named and not needs_train:
        return
    if "train" not in named:
        raise FgmixError(f"{root} has {found} but no train folder: add train beside it")
    if named["train"].is_flat:
        train = named["train"].path.name
        raise FgmixError(
            f"{root / train} holds photos but no class folders, beside {found}: sort its photos "
            f"into a folder per class, such as {train}/CLASS"
        )


def _refuse_splits_within(root: Path, folders: list[Path]) -> None:
    """Refuses class folders that hold the splits; they would be read as one."""
    for folder in folders:
        names = {path.name.lower() for path in subfolders(folder)}
        splits = [split for split, known in SPLIT_NAMES.items() if not names.isdisjoint(known)]
        if "train" not in splits or len(splits) < 2:
            continue
        remedy = "give it instead"
        if len(folders) > 1:
            remedy = f"put them above the class folders, as {splits[0]}/{folder.name}"
        raise FgmixError(f"{folder} holds split folders ({', '.join(splits)}): {remedy}")


def _look_into(folder: Path) -> _Folder:
    inside = subfolders(folder)
    direct = any(found.kind in PHOTOS for found in walk(folder, without=inside))
    return _Folder(folder, direct, any(map(_holds_photos, inside)))


def _holds_photos(folder: Path) -> bool:
    return any(found.kind in PHOTOS for found in walk(folder))


def _names(folders: Iterable[_Folder]) -> str:
    return " and ".join(folder.path.name for folder in folders)
