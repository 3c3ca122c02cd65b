"""The registry of data sets: names, loaders, folders and terms of use."""

import logging
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path

from fgmix.data.dataset import ImageDataset
from fgmix.data.importing.note import describe_terms, read_note
from fgmix.data.sources.locations import default_data_dir, tfds_folder
from fgmix.data.sources.manifest.naming import TABLES, is_table
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
        dataset: The data set as in a resolved config: a name, or the absolute path of a folder or
            table.
    """
    if Path(dataset).is_absolute():
        note = read_note(dataset)
        if note is not None:
            return describe_terms(note)
        return "The photos come from a folder: their owner's terms apply."
    elsewhere = (
        "The terms are those on the data set's page in the catalogue of TensorFlow Datasets."
    )
    return TERMS.get(dataset.partition("/")[0], elsewhere)


def require_known(dataset: str, data_dir: str | None = None) -> None:
    """Checks that a data set is a known name, a folder or a table, without reading the data.

    A name that is also a folder of the working directory is refused: `./NAME` is the folder, and a
    name with a data folder is the data set of that name.

    Args:
        dataset: The data set, as a user gives it.
        data_dir: The folder of a named data set or of a table's photos, if it is given.

    Raises:
        FgmixError: If it is none of these, or a name and a folder.
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
    path = Path(dataset).expanduser()
    if dataset in SOURCES or path.is_dir():
        return
    tables = ", ".join(TABLES)
    if is_manifest(dataset):
        if not path.is_file():
            raise FgmixError(f"there is no file {dataset}: give a table of labels ({tables})")
    elif path.is_file():
        raise FgmixError(
            f"--dataset {dataset} is a file: give a folder with one folder of photos per class, or "
            f"a table of labels ({tables})"
        )
    elif is_tfds_name(dataset):
        require_tfds_name(dataset, SOURCES)
    else:
        raise FgmixError(
            f"no data set {dataset!r}: give one of {', '.join(SOURCES)}, a name of TensorFlow "
            f"Datasets, the path of a folder with one folder of photos per class, or a table of "
            f"labels ({tables})"
        )


def check_local(
    dataset: str,
    data_dir: str | None = None,
    split_seed: int = 0,
    columns: str | None = None,
    missing_ok: bool = False,
) -> None:
    """Checks the layout and the names of a data set to train on, if it is a folder or a table.

    Named data sets are not checked: to be read, they may have to be downloaded.

    Args:
        dataset: The data set, as a user gives it.
        data_dir: As for `load_dataset`.
        split_seed: As for `load_dataset`.
        columns: As for `load_dataset`.
        missing_ok: As for `load_dataset`.

    Raises:
        FgmixError: As in `load_dataset`.
    """
    if is_local(dataset, data_dir):
        load_dataset(dataset, data_dir, split_seed, columns=columns, missing_ok=missing_ok)


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


def is_manifest(dataset: str) -> bool:
    """Returns whether a data set is a table of labels, by its suffix. It need not be there."""
    return is_table(dataset) and not Path(dataset).expanduser().is_dir()


def is_local(dataset: str, data_dir: str | None = None) -> bool:
    """Returns whether a data set is a folder or a table of labels, and not a name.

    Args:
        dataset: The data set.
        data_dir: As for `is_folder`.
    """
    return is_manifest(dataset) or is_folder(dataset, data_dir)


def local_root(dataset: str, data_dir: str | None = None, columns: str | None = None) -> Path:
    """Returns the folder that the paths of a folder or table are relative to.

    Args:
        dataset: The folder or table.
        data_dir: The folder of a table's photos.
        columns: The names of a table's columns.

    Raises:
        FgmixError: If the table can't be read.
    """
    path = Path(dataset).expanduser()
    if not is_manifest(dataset):
        return path
    from fgmix.data.sources.manifest.survey import survey_manifest

    return survey_manifest(path, Path(data_dir).expanduser() if data_dir else None, columns).root


def load_split(
    dataset: str,
    split: str,
    data_dir: str | None = None,
    split_seed: int = 0,
    columns: str | None = None,
) -> ImageDataset:
    """Loads a data set of which one split is to be measured.

    Args:
        dataset: The data set, as for `load_dataset`.
        split: The split, or `"all"`.
        data_dir: As for `load_dataset`.
        split_seed: Seeds the test split of a data set that has none.
        columns: As for `load_dataset`.

    Returns:
        A data set that has the split. Others may be missing, where the data says which photos are
        of it.

    Raises:
        FgmixError: If the data set is unknown, or what is needed of it is incomplete.
    """
    given = Path(data_dir).expanduser() if data_dir else None
    found = None
    if is_manifest(dataset):
        from fgmix.data.sources.manifest.dataset import load_split_of_manifest

        found = load_split_of_manifest(Path(dataset).expanduser(), split, given, columns)
    elif is_folder(dataset, data_dir):
        from fgmix.data.sources.folder import load_split as load_split_of_folder

        found = load_split_of_folder(Path(dataset).expanduser(), split)
    if found is not None:
        return found
    if dataset in SPLIT_SOURCES and split != "all":
        return SPLIT_SOURCES[dataset](given or default_data_dir(dataset), split)
    return load_dataset(dataset, data_dir, split_seed, columns=columns)


def load_dataset(
    dataset: str,
    data_dir: str | None = None,
    split_seed: int = 0,
    skipped: Collection[str] = (),
    columns: str | None = None,
    missing_ok: bool = False,
) -> ImageDataset:
    """Loads a data set by name or by path.

    Args:
        dataset: A name from `SOURCES`, the path of a table of labels or of a folder of class
            folders, or the name of an image classification data set of TFDS, tried in this order.
            With `data_dir`, names of TFDS come before folders.
        data_dir: The folder of a named data set, by default `default_data_dir`; or the folder that
            the paths in a table start from, by default that of the table.
        split_seed: Seeds the test split of a data set that has none.
        skipped: Images to leave out before a test split is drawn, relative to the root.
        columns: The names of a table's columns, as for `--columns`.
        missing_ok: Whether images that a table names may be missing; they are then in the data set.

    Raises:
        FgmixError: If the data set is unknown or incomplete, or has names that can't be stored.
    """
    from fgmix.data.sources.names import require_class_names, require_storable

    given = Path(data_dir).expanduser() if data_dir else None
    if is_manifest(dataset):
        from fgmix.data.sources.manifest.dataset import load_manifest

        table = Path(dataset).expanduser()
        return load_manifest(table, given, columns, split_seed, skipped, missing_ok)
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
