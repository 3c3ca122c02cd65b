"""Fast stand-ins for training, which run in separate processes."""

import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np

from fgmix.config.train_config import TrainConfig
from fgmix.data.dataset import ImageDataset, Split
from fgmix.errors import BusyError, FgmixError
from fgmix.files import write_csv, write_json
from fgmix.runs import folder as run_folder
from fgmix.runs.record import HISTORY, METRICS, PREDICTIONS

TOP1 = {"none": 0.5, "channel": 0.6, "spatial": 0.7, "mixed": 0.8}
SECONDS = 30.0
VERSIONS = {"python": "3", "backend": "tensorflow", "keras": "3", "tensorflow": "2", "numpy": "2"}


def photos(folder: Path) -> ImageDataset:
    """Returns a data set of two classes without images."""
    nothing = Split((), np.zeros(0, np.int32))
    return ImageDataset("cars", folder, ("a", "b"), {"train": nothing, "test": nothing})


def accuracy(config: TrainConfig) -> float:
    """Returns the config as `train` resolves it."""
    return TOP1[config.attention] + 0.01 * config.seed


def begin(config: TrainConfig, epochs: int) -> Path:
    """Writes a run that has reached an epoch."""
    # Keras would report its backend, and take seconds to import.
    with mock.patch.object(run_folder, "library_versions", return_value=VERSIONS):
        directory = run_folder.prepare_run(config, photos(Path(config.run_dir).parent), "float32")
    rows = [
        {
            "epoch": e + 1,
            "loss": 1 / (e + 1),
            "accuracy": 0.1 * e,
            "seconds": SECONDS,
            "test_loss": 1 / (e + 1),
            "test_accuracy": 0.1 * e,
        }
        for e in range(epochs)
    ]
    if rows:
        write_csv(directory / HISTORY, list(rows[0]), rows)
    return directory


def train(config: TrainConfig) -> None:
    """Writes a finished run whose accuracy depends on its attention and seed."""
    fresh = not Path(config.run_dir).exists()
    assert config.resume != fresh
    directory = begin(config, config.epochs)
    with (directory.parent / "trained.txt").open("a") as file:
        file.write(f"{directory.name}\n")
    right = round(100 * accuracy(config))
    rows = [
        {"path": f"{i}.jpg", "label": "a", "predicted": "a" if i < right else "b", "probability": 1}
        for i in range(100)
    ]
    write_csv(directory / PREDICTIONS, list(rows[0]), rows)
    write_json(
        directory / METRICS, {"top1": accuracy(config), "mean_per_class": accuracy(config) - 0.1}
    )


def train_all_but_spatial(config: TrainConfig) -> None:
    """Like `train`, but each seed of spatial attention fails in a different way."""
    if config.attention != "spatial":
        train(config)
    elif config.seed == 0:
        raise FgmixError("the photos are upside down: turn them round")
    elif config.seed == 1:
        raise ValueError("a bug\nwith a second line")
    elif config.seed == 2:
        os.kill(os.getpid(), signal.SIGKILL)


def train_to_a_long_complaint(config: TrainConfig) -> None:
    """Fails with a longer message than a pipe holds."""
    raise FgmixError("x" * 100_000)


def train_for_ever(config: TrainConfig) -> None:
    """Reports its process, and never ends by itself."""
    directory = begin(config, 1)
    (directory.parent / "worker.pid").write_text(str(os.getpid()))
    time.sleep(600)


def train_slowly(config: TrainConfig) -> None:
    """Like `train`, after it has noted that it began, and some time."""
    if not Path(config.run_dir).exists():
        begin(config, 1)
    with (Path(config.run_dir).parent / "begun.txt").open("a") as file:
        file.write(f"{Path(config.run_dir).name}\n")
    time.sleep(0.7)
    train(replace(config, resume=True))


def train_for_ever_or_till_told(config: TrainConfig) -> None:
    """Never ends by itself; notes that it saves when it is asked to end."""
    directory = begin(config, 1)

    def save(*_: object) -> None:
        (directory / "saved.txt").touch()
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, save)
    (directory / "ready.txt").touch()
    time.sleep(600)


def train_on_a_full_disk(config: TrainConfig) -> None:
    """Fails as a run does when the disk is full."""
    begin(config, 1)
    raise OSError(28, "No space left on device")


def train_what_another_trains(config: TrainConfig) -> None:
    """Finds the first cell busy; trains the others."""
    if config.seed == 0 and not (Path(config.run_dir).parent / "busy.txt").exists():
        (Path(config.run_dir).parent / "busy.txt").touch()
        raise BusyError("it is being trained by another process")
    train(config)


def show_what_it_may_use(config: TrainConfig) -> None:
    """Trains, and notes its cores and threads."""
    train(config)
    cores = ",".join(map(str, sorted(os.sched_getaffinity(0))))
    print(f"cores {cores} threads {os.environ.get('TF_NUM_INTRAOP_THREADS')}", flush=True)
