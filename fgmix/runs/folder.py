"""A run's folder: what is in it, and reading it back."""

import json
import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fgmix
from fgmix.config.fields import check_values
from fgmix.config.train_config import TrainConfig
from fgmix.data.dataset import ImageDataset
from fgmix.data.resized_cache.store import FORMAT
from fgmix.errors import FgmixError
from fgmix.files import is_empty, remove_partial, write_csv, write_json, write_text

if TYPE_CHECKING:
    import keras

CONFIG, LABELS, HISTORY, METRICS = "config.json", "labels.txt", "history.csv", "metrics.json"
PREDICTIONS, MODEL, LOGS, DIVERGED = "predictions.csv", "model.keras", "logs", "diverged.txt"
SPLITS, PROBABILITIES = "splits.csv", "probabilities.npy"


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
    record["placement"] = {"devices": devices, "processes": processes}
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
    flags = {k: v for k, v in asdict(config).items() if k not in ("overwrite", "resume")}
    return {
        "config": flags,
        "recipe": recipe_beside_flags(config),
        "precision": precision,
        "data": {
            "name": dataset.name,
            "root": str(dataset.root.resolve()),
            "num_classes": len(dataset.class_names),
            "num_images": {name: len(split) for name, split in dataset.splits.items()},
            "crop_bottom": dataset.crop_bottom,
            "skipped": list(dataset.skipped),
            "fingerprint": dataset.fingerprint(),
            "prepared": {"photos": copies, "format": FORMAT},
        },
        "versions": library_versions(),
    }


def recipe_beside_flags(config: TrainConfig) -> dict[str, Any]:
    """What the recipe decides and no flag does; not how it is described."""
    recipe = asdict(config.recipe_settings)
    beside = [name for name in recipe if name != "summary" and not hasattr(config, name)]
    return {name: recipe[name] for name in beside}


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


EARLIER: dict[str, dict[str, Any]] = {
    "config": {"prepare": "never", "views": 0},
    "recipe": {
        "dropout": 0.0,
        "bn": "train",
        "frozen_stride": 0,
        "mixing": "none",
        "mixing_alpha": 0.2,
        "ema": 0.0,
        "small_share": 0.0,
        "small_scale": 1.0,
    },
}
"""What was done before a record knew the setting, where that is not its default."""


def read_record(directory: Path) -> dict[str, Any] | None:
    """What `prepare_run` wrote into `config.json`, or None where it wrote nothing."""
    try:
        record = json.loads((directory / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    ours = isinstance(record, dict) and all(
        isinstance(record.get(part), dict) for part in ("config", "data", "versions")
    )
    if not ours:
        return None
    for part, known in EARLIER.items():
        record[part] = known | record.get(part, {})
    # What the recipe alone decided then may be a flag by now.
    moved = {f.name for f in fields(TrainConfig)} & record["recipe"].keys()
    record["config"] = {name: record["recipe"].pop(name) for name in moved} | record["config"]
    return record


@dataclass(frozen=True)
class Run:
    """A run, read back.

    Attributes:
        directory: Its folder.
        config: The resolved config it was trained with.
        data: The `data` part of `config.json`.
        class_names: From `labels.txt`, in index order.
        versions: Of the libraries it was trained with, by name.
    """

    directory: Path
    config: TrainConfig
    data: dict[str, Any]
    class_names: tuple[str, ...]
    versions: dict[str, str]

    @classmethod
    def open(cls, directory: str | Path, *, finished: bool = True) -> "Run":
        """Reads a run's folder.

        Args:
            directory: The folder.
            finished: Whether the run must have finished training.

        Raises:
            FgmixError: If it is no run, has not finished, or was written by another version.
        """
        directory = Path(directory)
        if not (directory / CONFIG).is_file():
            raise FgmixError(f"{directory} is not a run: it has no {CONFIG}")
        record = read_record(directory)
        if record is None:
            raise FgmixError(f"{directory / CONFIG} can't be read: it is not the config of a run")
        for name in (MODEL, METRICS) if finished else ():
            if not (directory / name).is_file():
                raise FgmixError(f"{directory} has not finished training: it has no {name}")
        if not isinstance(record["data"].get("crop_bottom"), int):
            raise FgmixError(f"{directory / CONFIG} can't be read: it has no whole crop_bottom")
        try:
            config = TrainConfig(**record["config"])
            check_values(config)
            # Not `splitlines`, which also breaks lines at characters that a name may hold.
            labels = (directory / LABELS).read_text(encoding="utf-8").split("\n")[:-1]
        except (TypeError, FgmixError) as error:
            raise FgmixError(
                f"{directory} is of another version of fgmix ({error}): train it anew"
            ) from error
        except (OSError, UnicodeDecodeError) as error:
            raise FgmixError(f"{directory / LABELS} can't be read: {error}") from error
        if len(labels) != record["data"].get("num_classes"):
            raise FgmixError(f"{directory / LABELS} has another number of classes than the model")
        return cls(directory, config, record["data"], tuple(labels), record["versions"])

    @property
    def crop_bottom(self) -> int:
        """Pixel rows to remove from the bottom of every photo, in source pixels."""
        return self.data["crop_bottom"]

    def read_metrics(self) -> dict[str, Any]:
        """The content of `metrics.json`.

        Raises:
            FgmixError: If the file is damaged.
        """
        try:
            return json.loads((self.directory / METRICS).read_text(encoding="utf-8"))
        except ValueError as error:
            raise FgmixError(f"{self.directory / METRICS} can't be read: {error}") from error

    def load_model(self) -> "keras.Model":
        """Loads `model.keras`; a file that holds code is refused.

        Raises:
            FgmixError: If the file is damaged or can't be loaded safely.
        """
        import keras

        import fgmix.layers  # noqa: F401  (registers the layers)

        try:
            return keras.models.load_model(self.directory / MODEL, compile=False, safe_mode=True)
        except Exception as error:  # what Keras raises depends on where the file goes wrong
            reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
            raise FgmixError(f"{self.directory / MODEL} can't be loaded: {reason}") from error
