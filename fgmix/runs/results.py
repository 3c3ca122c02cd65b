"""Finds finished runs and reads what a comparison needs: settings and predictions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fgmix.config.identity import group_settings
from fgmix.config.recipes import SETTINGS
from fgmix.errors import FgmixError
from fgmix.runs.record import CONFIG, METRICS, of_another_version
from fgmix.runs.refusals import is_model, why_no_run
from fgmix.runs.run import Run

README = "README.md"


@dataclass(frozen=True)
class RunResult:
    """A finished run's settings and predictions, for comparisons.

    Attributes:
        run: The run; the first one, if folds are joined.
        settings: The settings that decide its result except seed and fold, by name, and the
            precision in use. Settings without effect for its attention are left out.
        seed: The seed of initialisation, order and augmentation.
        fold: The fold held out; None without folds.
        paths: The measured images, in alphabetical order.
        labels: Their true classes.
        predicted: The predicted classes.
        confidences: float64 `(n,)`, the probabilities of the predicted classes.
    """

    run: Run
    settings: dict[str, Any]
    seed: int
    fold: int | None
    paths: tuple[str, ...]
    labels: tuple[str, ...]
    predicted: tuple[str, ...]
    confidences: np.ndarray

    @property
    def given(self) -> frozenset[str]:
        """The settings of a recipe that were given by hand, or by the preset of the data set."""
        return frozenset(self.run.config.departures()) & frozenset(SETTINGS)

    @property
    def directory(self) -> Path:
        """The run's folder."""
        return self.run.directory

    @property
    def data(self) -> dict[str, Any]:
        """What the run recorded of its data set."""
        return self.run.data

    @property
    def versions(self) -> dict[str, str]:
        """The versions of the libraries it was trained with, by name."""
        return self.run.versions

    @property
    def metrics(self) -> dict[str, Any]:
        """The content of its `metrics.json`."""
        return self.run.metrics


def find_runs(places: Iterable[str | Path]) -> tuple[list[Path], list[str]]:
    """Finds runs by their folders or by folders that contain them.

    Args:
        places: Folders of runs, or folders that contain runs. Files are ignored if there are
            folders too, because the shell's `saved_models/*` names them as well.

    Returns:
        The runs, each once, in the given order; and notes on what was left out: files, and
        unfinished runs inside a given folder. A run that is given itself is returned even if it
        has not finished.

    Raises:
        FgmixError: If a place does not exist, is neither a run nor contains one, or if all places
            are files.
    """
    found: dict[Path, Path] = {}
    unfinished: list[Path] = []
    named = [Path(place) for place in places]
    files = [place for place in named if place.is_file()]
    folders = [place for place in named if place not in files]
    for file in files:
        if is_model(file):
            raise FgmixError(why_no_run(file))
    if files and not folders:
        raise FgmixError(f"{files[0]} is a file: give runs' folders, or a folder of runs")
    for place in folders:
        if not place.is_dir() or is_model(place):
            raise FgmixError(why_no_run(place))
        if (place / CONFIG).is_file():
            found.setdefault(place.resolve(), place)
            continue
        inside = sorted(p for p in place.iterdir() if (p / CONFIG).is_file() and p.name[0] != ".")
        if not inside:
            raise FgmixError(f"{place} is not a run and contains none: it has no {CONFIG}")
        for directory in inside:
            if (directory / METRICS).is_file():
                found.setdefault(directory.resolve(), directory)
            else:
                unfinished.append(directory)
    if not found:
        raise FgmixError(f"none of the {len(unfinished)} runs in {folders[0]} has finished")
    # A folder of runs has a README.md of its own, which needs no note.
    strange = [file for file in files if file.name != README]
    return list(found.values()), _left_out("not finished", unfinished) + _left_out("files", strange)


def _left_out(why: str, paths: Sequence[Path]) -> list[str]:
    names = ", ".join(path.name for path in paths[:4]) + (", ..." * bool(paths[4:]))
    return [f"Left out, {why}: {names} ({len(paths)})."] if paths else []


def read_run(directory: Path) -> RunResult:
    """Reads a finished run, without its model.

    Raises:
        FgmixError: If it has not finished, is of another version, or one of its files is missing
            or damaged.
    """
    run = Run.open(directory)
    try:
        settings = group_settings(run.config, run.record) | {"precision": run.precision}
        run.data["name"], run.data["fingerprint"], run.data["num_classes"]
        run.data["num_images"].items()
    except (KeyError, AttributeError) as error:
        raise of_another_version(directory, error) from error
    run.metrics  # noqa: B018  (raises where it is damaged)
    paths, labels, predicted, confidences = run.predictions
    order = sorted(range(len(paths)), key=paths.__getitem__)
    return RunResult(
        run,
        settings,
        run.config.seed,
        run.config.fold,
        tuple(paths[i] for i in order),
        tuple(labels[i] for i in order),
        tuple(predicted[i] for i in order),
        np.array([confidences[i] for i in order]),
    )
