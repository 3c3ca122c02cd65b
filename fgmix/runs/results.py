"""What a comparison needs of a run: its settings, and its answer for every photo."""

from collections.abc import Iterable, Sequence
from dataclasses import MISSING, dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from fgmix.config.identity import BESIDE
from fgmix.config.recipes import Recipe
from fgmix.config.train_config import NAMED_WEIGHTS, TrainConfig
from fgmix.errors import FgmixError
from fgmix.files import read_csv, read_json
from fgmix.models.choices import GATED
from fgmix.runs.folder import (
    CONFIG,
    HISTORY,
    METRICS,
    PREDICTIONS,
    read_record,
    recipe_beside_flags,
)

PLACES = ("data_dir", "prepare")
"""Settings that say where photos come from and how fast, not what is learned from them."""

README = "README.md"

UNREDUCED = ("none", "conv")
"""The attentions without an excitation, for which `reduction` means nothing."""


@dataclass(frozen=True)
class RunResult:
    """A finished run, as far as it is compared.

    Attributes:
        directory: Its folder.
        settings: All that decides its result but seed and fold, by name: the config, the rest of
            the recipe, the precision it came to. Settings that mean nothing to its attention are
            left out.
        seed: Of initialisation, order and augmentation.
        fold: The fold held out, if it is one of several.
        data: What the run recorded of its photos.
        versions: Of the libraries it was trained with, by name.
        metrics: What is in its `metrics.json`.
        paths: The photos it was measured on, in alphabetical order.
        labels: Their true classes.
        predicted: The classes it named.
        confidences: float64 `(n,)`, the probabilities it gave these.
    """

    directory: Path
    settings: dict[str, Any]
    seed: int
    fold: int | None
    data: dict[str, Any]
    versions: dict[str, str]
    metrics: dict[str, Any]
    paths: tuple[str, ...]
    labels: tuple[str, ...]
    predicted: tuple[str, ...]
    confidences: np.ndarray

    def history(self) -> list[dict[str, str]]:
        """The rows of its `history.csv`.

        Raises:
            FgmixError: If the file is missing or damaged.
        """
        path = self.directory / HISTORY
        try:
            rows = read_csv(path)
            for row in rows:
                float(row["loss"]), float(row["accuracy"]), float(row.get("seconds") or "nan")
        except KeyError as error:
            raise FgmixError(f"{path} can't be read: it has no column {error}") from error
        except OSError as error:
            raise FgmixError(f"{path} can't be read: {error.strerror}") from error
        except (ValueError, TypeError) as error:
            raise FgmixError(f"{path} can't be read: {error}") from error
        if not rows:
            raise FgmixError(f"{path} can't be read: it has no epochs")
        return rows


def find_runs(places: Iterable[str | Path]) -> tuple[list[Path], list[str]]:
    """Finds the runs that are named, or that lie in folders that are named.

    Args:
        places: Runs' folders, or folders of them such as `reproduce` fills. Files among folders
            are passed over: the shell's `saved_models/*` names them too.

    Returns:
        The runs, each once, in the order of naming; and notes on what was left out: files, and
        runs in a named folder that have not finished. A run that is itself named is among the
        former, finished or not.

    Raises:
        FgmixError: If a place is not there, or is neither a run nor holds one, or if all are files.
    """
    found: dict[Path, Path] = {}
    unfinished: list[Path] = []
    named = [Path(place) for place in places]
    files = [place for place in named if place.is_file()]
    folders = [place for place in named if place not in files]
    if files and not folders:
        raise FgmixError(f"{files[0]} is a file: give runs' folders, or a folder of runs")
    for place in folders:
        if not place.is_dir():
            raise FgmixError(f"there is no run {place}: give runs' folders, or a folder of runs")
        if (place / CONFIG).is_file():
            found.setdefault(place.resolve(), place)
            continue
        inside = sorted(p for p in place.iterdir() if (p / CONFIG).is_file() and p.name[0] != ".")
        if not inside:
            raise FgmixError(f"{place} is not a run and holds none: it has no {CONFIG}")
        for directory in inside:
            if (directory / METRICS).is_file():
                found.setdefault(directory.resolve(), directory)
            else:
                unfinished.append(directory)
    if not found:
        raise FgmixError(f"none of the {len(unfinished)} runs in {folders[0]} has finished")
    # The folder of runs brings its own README.md, which nobody takes for a run.
    strange = [file for file in files if file.name != README]
    return list(found.values()), _left_out("not finished", unfinished) + _left_out("files", strange)


def _left_out(why: str, paths: Sequence[Path]) -> list[str]:
    names = ", ".join(path.name for path in paths[:4]) + (", ..." * bool(paths[4:]))
    return [f"Left out, {why}: {names} ({len(paths)})."] if paths else []


def read_run(directory: Path) -> RunResult:
    """Reads a finished run. Its model is not needed.

    Raises:
        FgmixError: If it has not finished, is of another version, or a file of it is missing or
            damaged.
    """
    record = read_record(directory)
    if record is None:
        raise FgmixError(f"{directory / CONFIG} can't be read: it is not the config of a run")
    if not (directory / METRICS).is_file():
        raise FgmixError(f"{directory} has not finished training: it has no {METRICS}")
    try:
        # Resolved, so that what a later version added has the value it had before that.
        config = TrainConfig(**record["config"]).resolve()
        settings = _settings(config, record)
        seed, fold, data, versions = config.seed, config.fold, record["data"], record["versions"]
        data["name"], data["fingerprint"], data["num_classes"]
        data["num_images"].items()
    except (TypeError, KeyError, AttributeError, ValueError, FgmixError) as error:
        raise FgmixError(
            f"{directory} is of another version of fgmix ({error}): train it anew"
        ) from error
    try:
        metrics = read_json(directory / METRICS)
    except ValueError as error:
        raise FgmixError(f"{directory / METRICS} can't be read: {error}") from error
    if not isinstance(metrics, dict):
        raise FgmixError(f"{directory / METRICS} can't be read: it is not a run's metrics")
    return RunResult(
        directory, settings, seed, fold, data, versions, metrics, *_read_predictions(directory)
    )


def _settings(config: TrainConfig, record: dict[str, Any]) -> dict[str, Any]:
    apart = {"seed", "fold", *PLACES}
    apart |= {f.name for f in fields(config) if f.metadata["group"] in BESIDE}
    if config.attention not in GATED:
        apart.add("gate")
    if config.attention in UNREDUCED:
        apart.add("reduction")
    settings = {f.name: getattr(config, f.name) for f in fields(config) if f.name not in apart}
    # The same photos and weights may lie elsewhere on another machine.
    settings["dataset"] = record["data"]["name"]
    if config.weights not in (*NAMED_WEIGHTS, None):
        settings["weights"] = Path(config.weights).name
    settings["precision"] = record.get("precision", config.precision)
    # What the recipe has learned since the run leaves things as they were unless it is set: the
    # recipe's value of today may be another.
    beside = recipe_beside_flags(config)
    since = {f.name: f.default for f in fields(Recipe) if f.default is not MISSING}
    recipe = beside | {k: since[k] for k in beside.keys() & since} | record.get("recipe", {})
    return settings | {k: v for k, v in recipe.items() if k != "summary"}


def _read_predictions(
    directory: Path,
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], np.ndarray]:
    """Paths, labels, predicted classes and confidences, in the order of the paths."""
    path = directory / PREDICTIONS
    if not path.is_file():
        raise FgmixError(
            f"{directory} has no {PREDICTIONS}, by which runs are compared: train it anew"
        )
    try:
        rows = sorted(read_csv(path), key=lambda row: row["path"])
        paths, labels, predicted = (
            tuple(row[column] for row in rows) for column in ("path", "label", "predicted")
        )
        confidences = np.array([float(row["probability"]) for row in rows])
    except KeyError as error:
        raise FgmixError(f"{path} can't be read: it has no column {error}") from error
    except (ValueError, TypeError, OSError) as error:
        raise FgmixError(f"{path} can't be read: {error}") from error
    if not rows:
        raise FgmixError(f"{path} can't be read: it names no photo")
    if not ((confidences >= 0) & (confidences <= 1)).all():
        raise FgmixError(f"{path} can't be read: a probability is not between 0 and 1")
    twice = next((a for a, b in pairwise(paths) if a == b), None)
    if twice is not None:
        raise FgmixError(f"{path} can't be read: it names {twice} twice")
    return paths, labels, predicted, confidences
