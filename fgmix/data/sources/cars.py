"""Stanford Cars-196: 16,185 photos of 196 models of cars.

Source: J. Krause, M. Stark, J. Deng and L. Fei-Fei, "3D Object Representations for Fine-Grained
Categorization", 2013. The photos are for non-commercial research only. The authors' pages have been
offline since 2023, so nothing is downloaded unless a mirror is given.
"""

import logging
import os
from collections.abc import Collection
from pathlib import Path

from fgmix.data.dataset import ImageDataset
from fgmix.data.sources.archive import unpack_folder
from fgmix.data.sources.cars_layouts import (
    ANNOTATIONS,
    META,
    find_file,
    read_class_folders,
    read_official,
)
from fgmix.data.sources.download import download
from fgmix.errors import FgmixError
from fgmix.invocation import command

log = logging.getLogger(__name__)

MIRROR_VARIABLE = "FGMIX_CARS_MIRROR"
"""The environment variable with the URL of a folder that serves the published files."""

PARQUET_COPY = "hf://datasets/tanganke/stanford_cars"

TEST_LABELS = ANNOTATIONS["test"]
FOLDERS = {"cars_train.tgz": "cars_train", "cars_test.tgz": "cars_test", "car_devkit.tgz": "devkit"}
CHECKSUMS = {  # of the original files, as TFDS has them in url_checksums/cars196.txt
    "cars_train.tgz": "sha256:512b227b30e2f0a8aab9e09485786ab4479582073a144998da74d64b801fd288",
    "cars_test.tgz": "sha256:bffea656d6f425cba3c91c6d83336e4c5f86c6cffd8975b0f375d3a10da8e243",
    "car_devkit.tgz": "sha256:b97deb463af7d58b6bfaa18b2a4de9829f0f79e8ce663dfa9261bf7810e9accd",
    TEST_LABELS: "sha256:790f75be8ea34eeded134cc559332baf23e30e91367e9ddca97d26ed9b895f05",
}


def load_cars(folder: Path, parts: Collection[str] = tuple(ANNOTATIONS)) -> ImageDataset:
    """Loads Cars-196 from the first of these that exists.

    1. The official layout: `cars_train/`, `cars_test/` and `devkit/`.
    2. Class folders: `{train,test}/<class>/*.jpg`, also below `car_data/` or `car_data/car_data/`.
    3. The original archives, which are checked and unpacked in place.
    4. A mirror of the archives, whose URL is in `FGMIX_CARS_MIRROR`.

    Args:
        folder: The folder that holds the data set, or the folder to download it to.
        parts: The splits that are needed. Of the official layout, others may be missing.

    Raises:
        FgmixError: If the data set is missing, with a message that says what to download and where
            to put it; or if it is incomplete.
    """
    for root in (folder, folder / "stanford_cars"):
        if find_file(root, META) and all((root / f"cars_{part}").is_dir() for part in parts):
            return read_official(root, parts)
    for root in (folder, folder / "car_data", folder / "car_data" / "car_data"):
        if all((root / part).is_dir() for part in ANNOTATIONS):
            return read_class_folders(root)
    mirror = os.environ.get(MIRROR_VARIABLE)
    if mirror:
        _fetch(folder, mirror)
    for archive, name in FOLDERS.items():
        if (folder / archive).is_file():
            unpack_folder(folder / archive, folder / name, CHECKSUMS[archive])
    if not any((folder / name).exists() for name in FOLDERS.values()):
        raise FgmixError(_instructions(folder))
    return read_official(folder)


def _fetch(folder: Path, mirror: str) -> None:
    """Downloads the published files that are missing in `folder`, unpacked or not."""
    log.info("Cars-196's photos are for non-commercial research only; 1.8 GiB to download")
    for file, checksum in CHECKSUMS.items():
        there = find_file(folder, file) or folder / FOLDERS.get(file, file)
        if not there.exists():
            download(f"{mirror.rstrip('/')}/{file}", folder / file, checksum)


def _instructions(folder: Path) -> str:
    return (
        f"no Cars-196 in {folder}; Stanford's own links are dead, so put one of these there: "
        f"kaggle.com/datasets/rickyyyyyyy/torchvision-stanford-cars (its folder stanford_cars), "
        f"kaggle.com/datasets/jutrera/stanford-car-dataset-by-classes-folder (its folder car_data),"
        f" or the original {', '.join(CHECKSUMS)}; or set {MIRROR_VARIABLE} to a URL with these; "
        f"or make a folder of a Parquet copy on the Hugging Face hub and give it as --dataset: "
        f"{command('import')} {PARQUET_COPY} FOLDER"
    )
