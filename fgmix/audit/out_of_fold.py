"""Joins out-of-fold predictions: each training image, by a model that was not trained on it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fgmix.config.identity import changes
from fgmix.errors import FgmixError
from fgmix.runs.run import Run


@dataclass(frozen=True)
class OutOfFold:
    """The predictions of all folds for the images that each run held out.

    Attributes:
        name: The data set's name.
        root: The folder that the paths are relative to.
        crop_bottom: Pixel rows to remove from the bottom of every image.
        class_names: `K` names.
        paths: The training images.
        labels: int32 `(n,)`, the labels of the data set.
        probabilities: float32 `(n, K)`.
    """

    name: str
    root: Path
    crop_bottom: int
    class_names: tuple[str, ...]
    paths: tuple[str, ...]
    labels: np.ndarray
    probabilities: np.ndarray


def open_folds(directories: Sequence[str | Path]) -> list[Run]:
    """Opens the runs of all folds of one experiment, in the order of the folds.

    Args:
        directories: The runs' folders, or one of them: the others are then found beside it.

    Raises:
        FgmixError: If a fold is missing or occurs twice, or a run is of another experiment.
    """
    runs = [Run.open(directory) for directory in directories]
    first = runs[0]
    for run in runs:
        if run.config.folds is None:
            raise FgmixError(
                f"{run.directory} was trained on all training photos, but label issues are found "
                f"by models that have not seen them: train it with --folds 3 and --fold 0, 1 and 2"
            )
        changed = changes(run.config.record(), replace(first.config, fold=run.config.fold))
        if changed:
            raise FgmixError(
                f"{first.directory} and {run.directory} are not folds of one experiment: "
                f"in the latter {'; '.join(changed)}"
            )
    if len(runs) == 1:
        runs += _beside(first)
    by_fold: dict[int | None, Run] = {}
    for run in runs:
        fold = run.config.fold
        if fold in by_fold:
            raise FgmixError(
                f"fold {fold} is there twice, {by_fold[fold].directory} and {run.directory}: "
                f"name one run per fold"
            )
        by_fold[fold] = run
    folds = range(first.config.folds or 0)
    missing = [str(fold) for fold in folds if fold not in by_fold]
    if missing:
        raise FgmixError(
            f"no finished run of fold {', '.join(missing)} of {len(folds)} was given or is in "
            f"{first.directory.resolve().parent}: train it as {first.directory.name} with --fold "
            f"{missing[0]}"
        )
    return [by_fold[fold] for fold in folds]


def _beside(run: Run) -> list[Run]:
    """Returns the finished runs beside a run that differ from it in the fold alone."""
    found = []
    for directory in sorted(run.directory.resolve().parent.iterdir()):
        other = Run(directory)
        if directory == run.directory.resolve() or not other.finished:
            continue
        try:
            config = replace(run.config, fold=other.config.fold)
            alike = not changes(other.config.record(), config)
        except FgmixError:  # of another kind or version
            continue
        if alike and other.data.get("root") == run.data["root"]:
            found.append(other)
    return found


def join_folds(runs: Sequence[Run]) -> OutOfFold:
    """Joins the predictions of the runs of all folds for the images that they held out.

    Args:
        runs: From `open_folds`.

    Raises:
        FgmixError: If a file is missing or damaged, or the runs were trained on different images.
    """
    first = runs[0]
    index = {name: label for label, name in enumerate(first.class_names)}
    paths: list[str] = []
    labels: list[int] = []
    probabilities = []
    for run in runs:
        if run.class_names != first.class_names:
            raise FgmixError(f"{first.directory} and {run.directory} have other classes")
        try:
            labels += [index[label] for label in run.predictions.labels]
        except KeyError as error:
            raise FgmixError(
                f"the predictions of {run.directory} can't be read: {error}"
            ) from error
        paths += run.predictions.paths
        probabilities.append(run.probabilities)
    _refuse_other_images(runs, paths)
    return OutOfFold(
        first.data["name"],
        Path(first.data["root"]),
        first.crop_bottom,
        first.class_names,
        tuple(paths),
        np.array(labels, np.int32),
        np.concatenate(probabilities),
    )


def _refuse_other_images(runs: Sequence[Run], held_out: Sequence[str]) -> None:
    """Checks that every training image is held out exactly once.

    Otherwise images were added, removed or moved to another class between the runs.
    """
    times = Counter(held_out)
    moved = [path for path, count in times.items() if count > 1]
    moved += [
        row["path"]
        for run in runs
        for row in run.splits
        if row["split"] == "train" and row["path"] not in times
    ]
    if moved:
        raise FgmixError(
            f"the photos have changed between the folds, {moved[0]} for one: train all folds again "
            f"on the same photos (--overwrite)"
        )
