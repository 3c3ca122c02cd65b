"""Reads a run's folder."""

import difflib
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from fgmix.config.fields import check_values
from fgmix.config.train_config import TrainConfig
from fgmix.data.sources.registry import is_folder, is_manifest
from fgmix.errors import FgmixError
from fgmix.files import is_relative, read_csv, read_json
from fgmix.models.backbones.hub_preset import GROUP
from fgmix.runs.display import run_html, run_line
from fgmix.runs.record import (
    CONFIG,
    DISTANCE,
    HISTORY,
    LABELS,
    METRICS,
    MODEL,
    PREDICTIONS,
    PROBABILITIES,
    SPLITS,
    of_another_version,
    read_record,
)
from fgmix.runs.refusals import why_no_run

if TYPE_CHECKING:
    import keras
    import numpy as np

    from fgmix.models.class_means import ClassMeans


class Predictions(NamedTuple):
    """A run's predictions for the images that it was measured on.

    Attributes:
        paths: The images, in the order of the file.
        labels: Their true classes.
        predicted: The predicted classes.
        confidences: The probabilities of the predicted classes.
    """

    paths: tuple[str, ...]
    labels: tuple[str, ...]
    predicted: tuple[str, ...]
    confidences: tuple[float, ...]


class Run:
    """A run's folder, whose files are read on first access.

    An attribute raises `FgmixError`, with the file's name, if its file is missing or damaged.

    Args:
        directory: The folder. `Run.open` also checks that it is a run.

    Example:
        ```python
        run = Run.open("saved_models/demo-tiny-mixed-seed0")
        run.metrics["top1"], run.class_names, run.config.attention
        ```
    """

    def __init__(self, directory: str | Path):
        self.directory = Path(directory)

    def __repr__(self) -> str:
        return run_line(self)

    def _repr_html_(self) -> str:
        """What it is and how good it is, for a notebook."""
        return run_html(self)

    @classmethod
    def open(cls, directory: str | Path, *, finished: bool = True) -> "Run":
        """Opens a folder that is a run.

        Args:
            directory: The folder.
            finished: Whether the run must have finished training.

        Raises:
            FgmixError: If it is not a run, has not finished, or is of another version.
        """
        run = cls(directory)
        if not (run.directory / CONFIG).is_file():
            raise FgmixError(why_no_run(run.directory))
        run.record  # noqa: B018  (raises where it is damaged)
        if finished and not run.finished:
            raise FgmixError(f"{run.directory} has not finished training: it has no {METRICS}")
        run.config  # noqa: B018
        return run

    @property
    def finished(self) -> bool:
        """Whether training has finished: `metrics.json` is written last."""
        return (self.directory / METRICS).is_file()

    @cached_property
    def record(self) -> dict[str, Any]:
        """The content of `config.json`, with the settings under the names of this version."""
        record = read_record(self.directory)
        if record is None:
            raise self._damaged(CONFIG, "it is not the config of a run")
        return record

    @property
    def data(self) -> dict[str, Any]:
        """What the run recorded of its data set."""
        data: dict[str, Any] = self.record["data"]
        return data

    @property
    def versions(self) -> dict[str, str]:
        """The versions of the libraries it was trained with, by name."""
        versions: dict[str, str] = self.record["versions"]
        return versions

    @property
    def precision(self) -> str:
        """The precision that the run was trained in: what `--precision auto` meant there."""
        return str(self.record.get("precision", self.config.precision))

    @cached_property
    def config(self) -> TrainConfig:
        """The resolved config it was trained with."""
        try:
            # Resolved, so that settings added since then have a value.
            config = TrainConfig(**self.record["config"])
            check_values(config)
            # What is no absolute path is a name, even where a folder has the same name.
            return replace(config.resolve(), dataset=config.dataset)
        except (TypeError, FgmixError) as error:
            raise of_another_version(self.directory, error) from error

    @property
    def trained_with(self) -> TrainConfig:
        """The settings it was trained with: those for few images, if it had few."""
        return self.config.for_photos(self.data["num_images"].get("train", 0))

    def require_class(self, name: str, flag: str = "") -> None:
        """Checks that the model knows a class.

        Args:
            name: The class.
            flag: What gave it, with a space behind, for the message.

        Raises:
            FgmixError: If it does not, with the class of the nearest name.
        """
        if name not in self.class_names:
            near = difflib.get_close_matches(name, self.class_names, 1)
            hint = f": did you mean {near[0]!r}?" if near else ""
            raise FgmixError(f"{flag}{name!r} is not a class of {self.directory}{hint}")

    def config_at(
        self,
        dataset: str | None = None,
        data_dir: str | None = None,
        columns: str | None = None,
    ) -> TrainConfig:
        """Returns the config with the place where the run's images are now.

        Args:
            dataset: Their folder or table, or the name of their data set; as recorded by default.
                Of a run on a table, a folder is that of its photos; the table is the one of its
                name in it, or else the recorded one.
            data_dir: The folder of a named data set, or of a table's photos. Of a run on a folder,
                another way to give it.
            columns: The names of the table's columns; as recorded by default.
        """
        before, recorded = Path(self.config.dataset), self.config.data_dir
        if is_manifest(self.config.dataset):
            if dataset is not None and is_folder(dataset):
                data_dir, table = dataset, Path(dataset).expanduser() / before.name
                dataset = str(table) if table.is_file() else None
        elif dataset is None and data_dir is not None and before.is_absolute():
            dataset, data_dir = data_dir, None
        elif dataset is not None and is_manifest(dataset):
            recorded = None  # it is of another data set
        return replace(
            self.config,
            dataset=dataset or self.config.dataset,
            data_dir=data_dir or recorded,
            columns=columns or self.config.columns,
        )

    @property
    def crop_bottom(self) -> int:
        """Pixel rows to remove from the bottom of every image, in source pixels."""
        rows = self.data.get("crop_bottom")
        if not isinstance(rows, int):
            raise self._damaged(CONFIG, "it has no whole crop_bottom")
        return rows

    @cached_property
    def class_names(self) -> tuple[str, ...]:
        """The class names, in index order."""
        try:
            # Not `splitlines`, which also splits at characters that a name may contain.
            names = (self.directory / LABELS).read_text(encoding="utf-8").split("\n")[:-1]
        except (OSError, UnicodeDecodeError) as error:
            raise self._damaged(LABELS, error) from error
        if len(names) != self.data.get("num_classes"):
            raise FgmixError(
                f"{self.directory / LABELS} has another number of classes than the model"
            )
        return tuple(names)

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """The final evaluation: the content of `metrics.json`."""
        try:
            metrics = read_json(self.directory / METRICS)
        except (OSError, ValueError) as error:
            raise self._damaged(METRICS, error) from error
        if not isinstance(metrics, dict):
            raise self._damaged(METRICS, "it is not a run's metrics")
        return metrics

    @cached_property
    def history(self) -> list[dict[str, str]]:
        """The rows of `history.csv`, one per finished epoch."""
        try:
            rows = read_csv(self.directory / HISTORY)
            for row in rows:
                float(row["loss"]), float(row["accuracy"]), float(row.get("seconds") or "nan")
        except KeyError as error:
            raise self._damaged(HISTORY, f"it has no column {error}") from error
        except (OSError, ValueError, TypeError) as error:
            raise self._damaged(HISTORY, error) from error
        if not rows:
            raise self._damaged(HISTORY, "it has no epochs")
        return rows

    @cached_property
    def predictions(self) -> Predictions:
        """The predictions for the images that it was measured on."""
        if not (self.directory / PREDICTIONS).is_file():
            raise FgmixError(
                f"{self.directory} has no {PREDICTIONS}, which comparisons need: train it again"
            )
        try:
            rows = read_csv(self.directory / PREDICTIONS)
            found = Predictions(
                paths=tuple(row["path"] for row in rows),
                labels=tuple(row["label"] for row in rows),
                predicted=tuple(row["predicted"] for row in rows),
                confidences=tuple(float(row["probability"]) for row in rows),
            )
        except KeyError as error:
            raise self._damaged(PREDICTIONS, f"it has no column {error}") from error
        except (OSError, ValueError, TypeError) as error:
            raise self._damaged(PREDICTIONS, error) from error
        if not rows:
            raise self._damaged(PREDICTIONS, "it has no rows")
        if not all(0 <= confidence <= 1 for confidence in found.confidences):
            raise self._damaged(PREDICTIONS, "a probability is not between 0 and 1")
        seen: set[str] = set()
        for path in found.paths:
            if path in seen:
                raise self._damaged(PREDICTIONS, f"it names {path} twice")
            if not is_relative(path):
                raise self._damaged(PREDICTIONS, f"{path!r} is outside the folder of the photos")
            seen.add(path)
        return found

    @cached_property
    def probabilities(self) -> "np.ndarray":
        """All probabilities of a fold's images, float32 `(n, K)`, in the order of `predictions`."""
        import numpy as np

        try:
            matrix: np.ndarray = np.load(self.directory / PROBABILITIES)
        except (OSError, ValueError) as error:
            raise self._damaged(PROBABILITIES, error) from error
        if matrix.shape != (len(self.predictions.paths), len(self.class_names)):
            raise FgmixError(f"{self.directory}: {PROBABILITIES} and {PREDICTIONS} don't match")
        return matrix

    @cached_property
    def splits(self) -> list[dict[str, str]]:
        """The rows of `splits.csv`: path, label and split of every image of the run."""
        try:
            rows = read_csv(self.directory / SPLITS)
            for row in rows:
                row["path"], row["label"], row["split"]
        except KeyError as error:
            raise self._damaged(SPLITS, f"it has no column {error}") from error
        except (OSError, ValueError) as error:
            raise self._damaged(SPLITS, error) from error
        return rows

    @cached_property
    def class_means(self) -> "tuple[ClassMeans, ...]":
        """The means of its classes, which distances are from; none without `distance.npz`.

        Several runs, or views of an image, have one for each (`Ensemble.class_means`).
        """
        from fgmix.models.class_means import load_class_means

        if not (self.directory / DISTANCE).is_file():
            return ()
        try:
            found = load_class_means(self.directory / DISTANCE)
        except (OSError, ValueError) as error:
            raise self._damaged(DISTANCE, error) from error
        if len(found.means) != len(self.class_names):
            raise self._damaged(DISTANCE, "it has another number of classes than the model")
        return (found,)

    @cached_property
    def model(self) -> "keras.Model":
        """The trained classifier, loaded once."""
        return self.load_model()

    def load_model(self) -> "keras.Model":
        """Loads a new instance of `model.keras`; a file that contains code is refused.

        Raises:
            FgmixError: If the file is damaged or can't be loaded safely.
        """
        import keras

        import fgmix.layers  # noqa: F401  (registers the layers)

        try:
            return keras.models.load_model(self.directory / MODEL, compile=False, safe_mode=True)
        except Exception as error:  # Keras raises different types for different damage
            reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
            if "keras_hub" in str(error):
                reason = f"its backbone needs pip install 'fgmix[{GROUP}]'"
            raise FgmixError(f"{self.directory / MODEL} can't be loaded: {reason}") from error

    def _damaged(self, name: str, reason: object) -> FgmixError:
        if isinstance(reason, OSError):
            reason = reason.strerror or reason
        return FgmixError(f"{self.directory / name} can't be read: {reason}")
