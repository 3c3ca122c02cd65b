"""Creates a run's folder and its record, and refuses to overwrite one by accident."""

import os
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fgmix
from fgmix.backend import library_version
from fgmix.config.choices import NAMED_WEIGHTS
from fgmix.config.train_config import TrainConfig
from fgmix.data.dataset import ImageDataset
from fgmix.data.importing.note import crops_of, read_note
from fgmix.data.resized_cache.store import FORMAT
from fgmix.errors import FgmixError
from fgmix.files import is_empty, remove_partial, sha256_of, write_csv, write_json, write_text
from fgmix.models.backbones.registry import BACKBONES
from fgmix.runs.record import CONFIG, LABELS, METRICS, SPLITS, read_record


def prepare_run(
    config: TrainConfig,
    dataset: ImageDataset,
    precision: str,
    resized: int = 0,
    *,
    devices: int = 1,
    processes: int = 1,
) -> Path:
    """Creates the run's folder with its `config.json`, `labels.txt` and `splits.csv`.

    With `overwrite`, the old run is deleted first. With `resume`, partial files of interrupted
    writes are deleted.

    Args:
        config: A resolved config.
        dataset: The data set, with the splits of the run.
        precision: The precision in use: what `--precision auto` means on this machine.
        resized: The number of training images that are read from the resized cache.
        devices: The number of devices that every batch is divided among.
        processes: The number of processes that train the run together.

    Returns:
        The folder.

    Raises:
        FgmixError: If the folder can't be created.
    """
    directory = Path(config.run_dir)
    if config.overwrite and directory.exists():
        # Renamed first, so that no half-deleted folder keeps the run's name.
        doomed = directory.with_name(f".{directory.name}.old-{os.getpid()}")
        directory.rename(doomed)
        shutil.rmtree(doomed)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FgmixError(f"can't create the run folder {directory}: {error.strerror}") from error
    remove_partial(directory)
    record = _describe(config, dataset, precision, resized)
    record["distribution"] = {"devices": devices, "processes": processes}
    write_json(directory / CONFIG, record)
    write_text(directory / LABELS, "".join(f"{name}\n" for name in dataset.class_names))
    write_csv(directory / SPLITS, ("path", "label", "split"), _memberships(dataset))
    return directory


def _memberships(dataset: ImageDataset) -> Iterator[dict[str, str]]:
    """Yields the rows of `splits.csv`: every image of the run and its split."""
    for name, split in dataset.splits.items():
        for path, label in zip(split.paths, split.labels, strict=True):
            yield {"path": path, "label": dataset.class_names[label], "split": name}


def _describe(
    config: TrainConfig,
    dataset: ImageDataset,
    precision: str,
    resized: int,
) -> dict[str, Any]:
    """Returns the content of `config.json`."""
    crops = crops_of(read_note(dataset.root))
    return {
        "config": config.record(),
        "precision": precision,
        "weights_sha256": weights_sha256(config),
        "preset": describe_preset(config),
        "data": {
            "name": dataset.name,
            "root": str(dataset.root.resolve()),
            "num_classes": len(dataset.class_names),
            "num_images": {name: len(split) for name, split in dataset.splits.items()},
            "crop_bottom": dataset.crop_bottom,
            "skipped": list(dataset.skipped),
            "fingerprint": dataset.fingerprint(),
            "fingerprint_of_sizes": dataset.fingerprint_of_sizes(),
            "prepared": {"photos": resized, "format": FORMAT},
            **({"crops": crops} if crops else {}),
        },
        "versions": library_versions(),
    }


def weights_sha256(config: TrainConfig) -> str | None:
    """Returns the SHA-256 of the backbone's weights file; None without a file."""
    named = config.weights in NAMED_WEIGHTS or not Path(config.weights).is_file()
    return None if named else sha256_of(Path(config.weights))


def describe_preset(config: TrainConfig) -> dict[str, str | None] | None:
    """Returns what a run records of the KerasHub preset that its backbone is; None without one.

    Returns:
        The preset's name; the SHA-256 of its weights, or None if the run does not use them; and the
        version of KerasHub.

    Raises:
        FgmixError: If the preset's weights can't be read.
    """
    preset = BACKBONES[config.backbone].preset
    if preset is None:
        return None
    from fgmix.models.backbones.keras_hub import preset_sha256

    return {
        "name": preset.name,
        "sha256": preset_sha256(preset) if config.weights == "imagenet" else None,
        "keras_hub": library_version("keras-hub"),
    }


def library_versions() -> dict[str, str]:
    """Returns the versions that a run's exact weights depend on, and Keras's backend."""
    import keras

    backend = keras.backend.backend()
    libraries = ["keras", "tensorflow", "numpy", *(["jax"] if backend == "jax" else [])]
    return {
        "fgmix": fgmix.__version__,
        "python": platform.python_version(),
        "backend": backend,
        **{name: library_version(name) for name in libraries},
    }


def refuse_existing(config: TrainConfig) -> None:
    """Checks that the run's folder may be written to.

    Raises:
        FgmixError: If the folder exists and the config says neither `overwrite` nor `resume`, or if
            it is not a run: only runs are ever overwritten.
    """
    directory = Path(config.run_dir)
    if config.overwrite and config.resume:
        raise FgmixError("--overwrite and --resume exclude each other: give one of them")
    if not directory.exists() or (directory.is_dir() and is_empty(directory)):
        if config.resume:
            raise FgmixError(f"nothing to resume: there is no run {directory}")
        return
    if read_record(directory) is None:
        raise FgmixError(f"{directory} exists and is not a run: choose another --run-dir")
    if config.resume and (directory / METRICS).exists():
        raise FgmixError(f"{directory} is finished: nothing to resume")
    if not (config.resume or config.overwrite):
        raise FgmixError(
            f"{directory} exists already: add --overwrite to replace it, --resume to continue "
            f"it, or choose another --run-dir"
        )
