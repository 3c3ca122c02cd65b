"""A run that has just begun, of two images."""

import numpy as np
import pytest

from fgmix.data.dataset import ImageDataset, Split
from fgmix.runs.folder import prepare_run
from tests.runs.begun import config


@pytest.fixture
def dataset(tmp_path):
    root = tmp_path / "photos"
    root.mkdir()
    for name in ("a.jpg", "b.jpg"):
        (root / name).write_bytes(b"12345")
    split = Split(("a.jpg", "b.jpg"), np.array([0, 1], np.int32))
    return ImageDataset("photos", root, ("Škoda", "Alfa, 8C"), {"train": split, "test": split}, 20)


@pytest.fixture
def run_dir(tmp_path, dataset):
    """A run that has just begun."""
    directory = tmp_path / "run"
    prepare_run(config(directory), dataset, "float32")
    return directory
