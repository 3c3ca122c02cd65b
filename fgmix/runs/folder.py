"""Writes a run's folder: what is in it from the start, and when it may be written."""

import os
import platform
import shutil
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import fgmix
from fgmix.config.train_config import TrainConfig
from fgmix.data.dataset import ImageDataset
from fgmix.data.resized_cache.store import FORMAT
from fgmix.errors import FgmixError
from fgmix.files import is_empty, remove_partial, write_csv, write_json, write_text
from fgmix.runs.record import CONFIG, LABELS, METRICS, SPLITS, read_record


def prepare_run(
    config: TrainConfig,
    dataset: ImageDataset,
    precision: str,
    copies: int = 0,
    *,
    devices: int = 1,
    processes: int = 1,
) -> Path:
    """Makes the run's folder with its `config.json`, `labels.txt` and `splits.csv`.

    An old run that is to be overwritten goes first; of one that is to be resumed the leavings of
    interrupted writes go.

    Args:
        config: A resolved config.
        dataset: The data set, with its splits as trained on.
        precision: What `--precision` came to on this machine.
        copies: How many photos are trained on as prepared copies.
        devices: Among how many devices every batch is divided.
        processes: How many processes train it together.

    Returns:
        The folder.

    Raises:
        FgmixError: If the folder can't be made.
    """
    directory = Path(config.run_dir)
    if config.overwrite and directory.exists():
        # Renamed first, so that a half-deleted run never stands under a run's name.
        doomed = directory.with_name(f".{directory.name}.old-{os.getpid()}")
        directory.rename(doomed)
        shutil.rmtree(doomed)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FgmixError(f"can't make the run folder {directory}: {error.strerror}") from error
    remove_partial(directory)
    record = _describe(config, dataset, precision, copies)
    record["distribution"] = {"devices": devices, "processes": processes}
    write_json(directory / CONFIG, record)
    write_text(directory / LABELS, "".join(f"{name}\n" for name in dataset.class_names))
    write_csv(directory / SPLITS, ("path", "label", "split"), _memberships(dataset))
    return directory


def _memberships(dataset: ImageDataset) -> Iterator[dict[str, str]]:
    """The rows of `splits.csv`: every photo of the run, and what it was used for."""
    for name, split in dataset.splits.items():
        for path, label in zip(split.paths, split.labels, strict=True):
            yield {"path": path, "label": dataset.class_names[label], "split": name}


def _describe(
    config: TrainConfig,
    dataset: ImageDataset,
    precision: str,
    copies: int,
) -> dict[str, Any]:
    """The content of `config.json`."""
    return {
        "config": config.record(),
        "precision": precision,
        "data": {
            "name": dataset.name,
            "root": str(dataset.root.resolve()),
            "num_classes": len(dataset.class_names),
            "num_images": {name: len(split) for name, split in dataset.splits.items()},
            "crop_bottom": dataset.crop_bottom,
            "skipped": list(dataset.skipped),
            "fingerprint": dataset.fingerprint(),
            "fingerprint_of_sizes": dataset.fingerprint_of_sizes(),
            "prepared": {"photos": copies, "format": FORMAT},
        },
        "versions": library_versions(),
    }


def library_versions() -> dict[str, str]:
    """What a run's bits depend on beside its settings; Keras's backend is among it."""
    import keras

    backend = keras.backend.backend()
    libraries = ["keras", "tensorflow", "numpy", *(["jax"] if backend == "jax" else [])]
    return {
        "fgmix": fgmix.__version__,
        "python": platform.python_version(),
        "backend": backend,
        **{name: version(name) for name in libraries},
    }


def refuse_existing(config: TrainConfig) -> None:
    """Makes sure that the run's folder may be written to.

    Raises:
        FgmixError: If something is there and the config doesn't say what to do with it, or if it
            is not a run of ours, which nothing here deletes.
    """
    directory = Path(config.run_dir)
    if config.overwrite and config.resume:
        raise FgmixError("--overwrite and --resume exclude each other: give one of them")
    if not directory.exists() or (directory.is_dir() and is_empty(directory)):
        if config.resume:
            raise FgmixError(f"nothing to resume: there is no run {directory}")
        return
    if read_record(directory) is None:
        raise FgmixError(f"{directory} is there and is not a run: choose another --run-dir")
    if config.resume and (directory / METRICS).exists():
        raise FgmixError(f"{directory} is finished: nothing to resume")
    if not (config.resume or config.overwrite):
        raise FgmixError(
            f"{directory} is there already: add --overwrite to replace it, --resume to go on "
            f"with it, or choose another --run-dir"
        )
