"""The registry of data sets: names, loaders, folders and terms of use."""

import logging
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path

from fgmix.data.dataset import ImageDataset
from fgmix.data.sources.locations import default_data_dir, tfds_folder
from fgmix.errors import FgmixError

log = logging.getLogger(__name__)

# Sources are imported when they are used: SciPy, Pillow and TFDS would slow down `--help`.


def _aircraft(data_dir: Path, level: str) -> ImageDataset:
    from fgmix.data.sources.aircraft import load_aircraft

    return load_aircraft(data_dir, level)


def _cars(data_dir: Path) -> ImageDataset:
    from fgmix.data.sources.cars import load_cars

    return load_cars(data_dir)


def _cars_split(data_dir: Path, split: str) -> ImageDataset:
    from fgmix.data.sources.cars import load_cars

    return load_cars(data_dir, [split]) if split in ("train", "test") else load_cars(data_dir)


def _demo(data_dir: Path) -> ImageDataset:
    from fgmix.data.sources.demo.dataset import DEMO_VERSION, write_demo
    from fgmix.data.sources.folder import load_folder

    folder = data_dir / f"demo-v{DEMO_VERSION}"
    if not folder.exists():
        log.info("drawing the images of the demo into %s", folder)
    write_demo(folder)
    return load_folder(folder, "demo")


SOURCES: dict[str, Callable[[Path], ImageDataset]] = {
    "aircraft": partial(_aircraft, level="variant"),
    "aircraft/family": partial(_aircraft, level="family"),
    "aircraft/manufacturer": partial(_aircraft, level="manufacturer"),
    "cars": _cars,
    "demo": _demo,
}
"""Maps a name to `(data_dir) -> data set`."""

SPLIT_SOURCES: dict[str, Callable[[Path, str], ImageDataset]] = {"cars": _cars_split}
"""Maps a name to the loader of one split, for data sets that can be read in part."""

TERMS = {
    "aircraft": "FGVC-Aircraft's photos are for non-commercial research only.",
    "cars": "Stanford Cars' photos are for non-commercial research only.",
    "demo": "The images are drawn by fgmix: no third-party rights apply.",
}
"""Maps a data set's name, without its level, to the terms of use of its images."""


def terms_of_use(dataset: str) -> str:
    """Returns the terms of use of a data set's images, as a sentence.

    Args:
        dataset: The data set as in a resolved config: a name, or the absolute path of a folder.
    """
    if Path(dataset).is_absolute():
        return "The photos come from a folder: their owner's terms apply."
    elsewhere = (
        "The terms are those on the data set's page in the catalogue of TensorFlow Datasets."
    )
    return TERMS.get(dataset.partition("/")[0], elsewhere)


def require_known(dataset: str, data_dir: str | None = None) -> None:
    """Checks that a data set is a known name or a folder, without reading the data.

    A name that is also a folder of the working directory is refused: `./NAME` is the folder, and a
    name with a data folder is the data set of that name.

    Args:
        dataset: The data set, as a user gives it.
        data_dir: The folder of a named data set, if it is given.

    Raises:
        FgmixError: If it is neither, or both.
    """
    from fgmix.data.sources.tfds import is_tfds_name, require_tfds_name

    if is_name(dataset) and not data_dir and Path(dataset).is_dir():
        own = dataset in SOURCES
        place = default_data_dir(dataset) if own else tfds_folder()
        raise FgmixError(
            f"--dataset {dataset} is a folder here and a data set of "
            f"{'fgmix' if own else 'TensorFlow Datasets'}: give ./{dataset} for the folder, or add "
            f"--data-dir {place}, or where it lies, for the data set of that name"
        )
    if dataset in SOURCES or Path(dataset).expanduser().is_dir():
        return
    if is_tfds_name(dataset):
        require_tfds_name(dataset, SOURCES)
    else:
        raise FgmixError(
            f"no data set {dataset!r}: give one of {', '.join(SOURCES)}, a name of TensorFlow "
            f"Datasets, or the path of a folder with one folder of photos per class"
        )


def check_folder(dataset: str, data_dir: str | None = None, split_seed: int = 0) -> None:
    """Checks the layout and the names of a data set to train on, if it is a folder.

    Named data sets are not checked: to be read, they may have to be downloaded.

    Args:
        dataset: The data set, as a user gives it.
        data_dir: The folder of a named data set, if it is given.
        split_seed: Seeds the test split of a data set that has none.

    Raises:
        FgmixError: As in `load_dataset`.
    """
    if is_folder(dataset, data_dir):
        load_dataset(dataset, data_dir, split_seed)


def is_name(dataset: str) -> bool:
    """Returns whether a data set is the name of one of fgmix or of TensorFlow Datasets.

    A folder may have the same name.
    """
    from fgmix.data.sources.tfds import knows_name

    return dataset in SOURCES or knows_name(dataset)


def is_folder(dataset: str, data_dir: str | None = None) -> bool:
    """Returns whether a data set is a folder, and not a name.

    Args:
        dataset: The data set.
        data_dir: The folder of a named data set, if it is given. A name is then no folder.
    """
    if dataset in SOURCES or not Path(dataset).expanduser().is_dir():
        return False
    return not data_dir or not is_name(dataset)


def load_split(
    dataset: str, split: str, data_dir: str | None = None, split_seed: int = 0
) -> ImageDataset:
    """Loads a data set of which one split is to be measured.

    Args:
        dataset: The data set, as for `load_dataset`.
        split: The split, or `"all"`.
        data_dir: The folder of a named data set.
        split_seed: Seeds the test split of a data set that has none.

    Returns:
        A data set that has the split. Others may be missing, where the data has them in folders of
        their own.

    Raises:
        FgmixError: If the data set is unknown, or what is needed of it is incomplete.
    """
    if is_folder(dataset, data_dir):
        from fgmix.data.sources.folder import load_split as load_split_of_folder

        found = load_split_of_folder(Path(dataset).expanduser(), split)
        if found is not None:
            return found
    if dataset in SPLIT_SOURCES and split != "all":
        given = Path(data_dir).expanduser() if data_dir else default_data_dir(dataset)
        return SPLIT_SOURCES[dataset](given, split)
    return load_dataset(dataset, data_dir, split_seed)


def load_dataset(
    dataset: str,
    data_dir: str | None = None,
    split_seed: int = 0,
    skipped: Collection[str] = (),
) -> ImageDataset:
    """Loads a data set by name or by path.

    Args:
        dataset: A name from `SOURCES`, the path of a folder of class folders, or the name of an
            image classification data set of TFDS, tried in this order. With `data_dir`, names of
            TFDS come before folders.
        data_dir: The folder of a named data set; by default `default_data_dir`.
        split_seed: Seeds the test split of a data set that has none.
        skipped: Images to leave out before a test split is drawn, relative to the root.

    Raises:
        FgmixError: If the data set is unknown or incomplete, or has names that can't be stored.
    """
    from fgmix.data.sources.names import require_class_names, require_storable

    given = Path(data_dir).expanduser() if data_dir else None
    if is_folder(dataset, data_dir):
        from fgmix.data.sources.folder import load_folder

        return load_folder(Path(dataset).expanduser(), split_seed=split_seed, skipped=skipped)
    if dataset in SOURCES:
        found = SOURCES[dataset](given or default_data_dir(dataset)).without(skipped)
    else:
        require_known(dataset, data_dir)
        from fgmix.data.sources.tfds import load_tfds

        found = load_tfds(dataset, given or tfds_folder(), split_seed, skipped)
    require_class_names(dataset, found.class_names)
    for split in found.splits.values():
        require_storable(found.root, split.paths)
    return found
