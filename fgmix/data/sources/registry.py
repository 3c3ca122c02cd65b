"""The registry of data sets: names, loaders, folders and terms of use."""

import logging
from collections.abc import Callable
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


def require_known(dataset: str) -> None:
    """Checks that a data set is a known name or a folder, without reading the data.

    Raises:
        FgmixError: If it is neither.
    """
    if dataset in SOURCES or Path(dataset).expanduser().is_dir():
        return
    from fgmix.data.sources.tfds import is_tfds_name, require_tfds_name

    if is_tfds_name(dataset):
        require_tfds_name(dataset, SOURCES)
    else:
        raise FgmixError(
            f"no data set {dataset!r}: give one of {', '.join(SOURCES)}, a name of TensorFlow "
            f"Datasets, or the path of a folder with one folder of photos per class"
        )


def load_dataset(dataset: str, data_dir: str | None = None, split_seed: int = 0) -> ImageDataset:
    """Loads a data set by name or by path.

    Args:
        dataset: A name from `SOURCES`, the path of a folder of class folders, or the name of an
            image classification data set of TFDS, tried in this order.
        data_dir: The folder of a named data set; by default `default_data_dir`.
        split_seed: Seeds the test split of a data set that has none.

    Raises:
        FgmixError: If the data set is unknown or incomplete.
    """
    given = Path(data_dir).expanduser() if data_dir else None
    if dataset in SOURCES:
        return SOURCES[dataset](given or default_data_dir(dataset))
    path = Path(dataset).expanduser()
    if path.is_dir():
        from fgmix.data.sources.folder import load_folder

        return load_folder(path, split_seed=split_seed)
    require_known(dataset)
    from fgmix.data.sources.tfds import load_tfds

    return load_tfds(dataset, given or tfds_folder(), split_seed)
