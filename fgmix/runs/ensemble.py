"""Finished runs that answer together: the mean of their probabilities."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fgmix.errors import FgmixError
from fgmix.models.choices import TTA, VIEWS, require
from fgmix.runs.record import DISTANCE
from fgmix.runs.run import Run

if TYPE_CHECKING:
    import keras

    from fgmix.models.class_means import ClassMeans

CHOOSING = ("train", "val")
"""The splits whose images decide about a run's weights."""


@dataclass(frozen=True)
class Ensemble:
    """One or several finished runs and the views of an image whose probabilities are averaged.

    It has the attributes of a `Run` that inference needs, so it can take the place of one.

    Attributes:
        runs: The runs. The first one determines the order of the classes.
        tta: Test-time augmentation, a name from `TTA`.

    Raises:
        FgmixError: If a run is given twice, or two runs differ in their classes or in the rows
            that they remove from the bottom of an image.

    Example:
        ```python
        ensemble = Ensemble.open(["saved_models/photos-seed0", "saved_models/photos-seed1"], "flip")
        model = ensemble.load_model()
        ```
    """

    runs: tuple[Run, ...]
    tta: str = TTA[0]

    def __post_init__(self) -> None:
        require("tta", self.tta, TTA)
        seen: set[Path] = set()
        for run in self.runs:
            if run.directory.resolve() in seen:
                raise FgmixError(f"{run.directory} is given twice: give each run once")
            seen.add(run.directory.resolve())
            self._refuse_other_classes(run)
            if run.crop_bottom != self.crop_bottom:
                raise FgmixError(
                    f"{run.directory} removes {run.crop_bottom} pixel rows from the bottom of a "
                    f"photo and {self.first.directory} removes {self.crop_bottom}: give runs that "
                    f"were trained on the same photos"
                )

    @classmethod
    def open(cls, directories: Iterable[str | Path], tta: str = TTA[0]) -> "Ensemble":
        """Opens folders that are finished runs.

        Args:
            directories: The folders, at least one.
            tta: A name from `TTA`.

        Raises:
            FgmixError: If one is not a finished run, or they can't be averaged.
        """
        return cls(tuple(Run.open(directory) for directory in directories), tta)

    @property
    def first(self) -> Run:
        """The first run."""
        return self.runs[0]

    @property
    def averages(self) -> bool:
        """Whether anything is averaged: there are several runs, or several views of an image."""
        return len(self.runs) > 1 or self.tta != TTA[0]

    @property
    def name(self) -> str:
        """The names of the runs' folders."""
        return " + ".join(run.directory.resolve().name for run in self.runs)

    @property
    def class_names(self) -> tuple[str, ...]:
        """The class names, in output order."""
        return self.first.class_names

    @property
    def crop_bottom(self) -> int:
        """Pixel rows to remove from the bottom of every image, in source pixels."""
        return self.first.crop_bottom

    @property
    def class_means(self) -> "tuple[ClassMeans, ...]":
        """The class means of every attended map of `load_model`; none if a run has none."""
        if not all(run.class_means for run in self.runs):
            return ()
        ordered = (
            means.in_order(order)
            for run, order in zip(self.runs, self._orders(), strict=True)
            for means in run.class_means
        )
        return tuple(means for means in ordered for _ in range(VIEWS[self.tta]))

    def describe(self) -> str:
        """Returns what is averaged, in words; nothing if nothing is."""
        views = "the photo and its mirror image" if self.tta == "flip" else ""
        if len(self.runs) == 1:
            return views and f"the mean over {views}"
        return f"the mean over {len(self.runs)} runs" + (views and f", each on {views}")

    def record(self) -> dict[str, Any]:
        """Returns what is averaged, for the record of a measurement; nothing if nothing is."""
        if not self.averages:
            return {}
        return {"tta": self.tta, "runs": [str(run.directory.resolve()) for run in self.runs]}

    def load_model(self) -> "keras.Model":
        """Loads the runs' models as one, from `average_classifiers`.

        Raises:
            FgmixError: If a model can't be loaded.
        """
        from fgmix.models.ensemble import average_classifiers

        orders = self._orders()
        in_order = all(order == sorted(order) for order in orders)
        models = [run.load_model() for run in self.runs]
        return average_classifiers(models, self.tta, None if in_order else orders)

    def without_distance(self) -> str:
        """Returns why there are no `class_means`, and what to do."""
        lacking = next(run.directory for run in self.runs if not run.class_means)
        return f"{lacking} has no {DISTANCE}, which version 0.1 did not write: train it again"

    def _orders(self) -> list[list[int]]:
        """Returns, for each run, which of its outputs is class 0, 1 and so on of the first run."""
        return [[run.class_names.index(name) for name in self.class_names] for run in self.runs]

    def refuse_trained_on(self, paths: Sequence[str], split: str) -> None:
        """Checks that images held out from the first run were held out from the others too.

        Args:
            paths: The images to measure on, relative to their data set's root.
            split: Their split. Nothing is refused if they are not this split of the first run: of
                other images, nothing is known.

        Raises:
            FgmixError: If another run was trained on some of them.
        """
        others = self.runs[1:]
        if not others or split == "train" or set(paths) != _images(self.first, (split,)):
            return
        for run in others:
            known = _images(run, CHOOSING if split != "val" else ("train",)) & set(paths)
            if known:
                raise FgmixError(
                    f"{run.directory} was trained with {len(known):,} of the {len(paths):,} "
                    f"{split} photos of {self.first.directory}, such as {min(known)}: measure runs "
                    f"with the same --split-seed and --fold, or on other photos"
                )

    def measured_alike(self, run: Run, split: str) -> bool:
        """Returns whether the `metrics.json` of a run is of the first run's images of a split."""
        same = _images(run, (split,)) == _images(self.first, (split,))
        return same and run.config.measured_split == split

    def _refuse_other_classes(self, run: Run) -> None:
        mine, others = set(self.class_names), set(run.class_names)
        if mine != others:
            sides = ((self.first, mine - others), (run, others - mine))
            told = [f"{min(names)!r} only in {r.directory}" for r, names in sides if names]
            raise FgmixError(
                f"the runs have different classes ({' and '.join(told)}): give runs with the same"
            )


def as_ensemble(source: Run | Ensemble) -> Ensemble:
    """Returns an ensemble as it is, and a run as an ensemble of one."""
    return source if isinstance(source, Ensemble) else Ensemble((source,))


def _images(run: Run, splits: Sequence[str]) -> set[str]:
    """Returns the paths of a run's images in some of its splits."""
    return {row["path"] for row in run.splits if row["split"] in splits}
