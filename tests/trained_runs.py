"""A small data set and a finished run on it, which the tests share."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

CLASSES = ("blue", "green", "red")
TRAIN, TEST = 8, 4
WIDTH, HEIGHT = 40, 32


def draw_photos(root: Path, splits: dict[str, int], classes: tuple[str, ...] = CLASSES) -> Path:
    """Draws images with one colour per class, stripes and noise, as JPEG and PNG in turn.

    A split with an empty name makes a data set without split folders.
    """
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    for split, count in splits.items():
        for label, name in enumerate(classes):
            folder = root / split / name
            folder.mkdir(parents=True)
            for index in range(count):
                rng = np.random.default_rng([len(split), label, index])
                stripes = np.sin((x * np.cos(index) + y * np.sin(index)) * 0.5)
                pixels = rng.uniform(60, 140, (HEIGHT, WIDTH, 3)) + 25 * stripes[..., None]
                pixels[..., 2 - label % 3] += 60 + 20 * (label // 3)
                suffix = "jpg" if index % 2 else "png"
                image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
                image.save(folder / f"photo{index}.{suffix}")
    return root


def small_config(photos: Path, run_dir: Path, **changes):
    """Returns the settings of a run of a few seconds."""
    from fgmix import TrainConfig

    settings = {
        "dataset": str(photos),
        "run_dir": str(run_dir),
        "backbone": "tiny",
        "weights": "none",
        "recipe": "paper",
        "image_size": 32,
        "epochs": 2,
        "batch_size": 8,
        "precision": "float32",
    }
    return TrainConfig(**(settings | changes))


def read_history(run_dir: Path) -> list[dict[str, str]]:
    """Returns the rows of a run's `history.csv`, as strings."""
    with (run_dir / "history.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a folder of 3 classes with 8 training and 4 test images each."""
    return draw_photos(tmp_path_factory.mktemp("data") / "photos", {"train": TRAIN, "test": TEST})


@pytest.fixture(scope="session")
def finished(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns the folder of a finished run. Tests that change it copy it first."""
    import fgmix

    run_dir = tmp_path_factory.mktemp("runs") / "finished"
    fgmix.train(small_config(photos, run_dir))
    return run_dir
