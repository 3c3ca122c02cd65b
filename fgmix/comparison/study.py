"""Studies: groups of runs that differ in the seed alone, measured on the same images."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from fgmix.comparison.names import distinguishing, name_group, place
from fgmix.errors import FgmixError
from fgmix.runs.record import comparable_fingerprints
from fgmix.runs.results import RunResult, find_runs, read_run

IMAGE_SETTINGS = ("dataset", "shots", "train_fraction", "val_fraction", "split_seed", "folds")
"""Settings that change the training images."""


@dataclass(frozen=True, eq=False)
class Group:
    """Runs that differ in their seed alone.

    Attributes:
        name: The settings that distinguish it from the other groups of the study.
        settings: All settings that decide its result, without the seed.
        seeds: Its `n` seeds, in order.
        runs: The run of each seed; with cross-validation, the runs of all folds.
        predicted: int32 `(n, N)`, indices into the study's classes.
        correct: bool `(n, N)`, whether these are the true ones.
        confidences: float64 `(n, N)`, the probabilities of the predicted classes.
    """

    name: str
    settings: dict
    seeds: tuple[int, ...]
    runs: tuple[tuple[RunResult, ...], ...]
    predicted: np.ndarray
    correct: np.ndarray
    confidences: np.ndarray

    @property
    def given(self) -> frozenset[str]:
        """The settings of a recipe that were given by hand."""
        return self.runs[0][0].given


@dataclass(frozen=True, eq=False)
class Study:
    """Groups of runs, measured on the same images.

    Attributes:
        groups: Sorted by attention, then by the other settings that distinguish them.
        class_names: The `K` classes that are labels or predictions, in alphabetical order.
        paths: The `N` images, relative to the data set's root.
        labels: int32 `(N,)`, their true classes.
        notes: Caveats, one sentence each.
    """

    groups: tuple[Group, ...]
    class_names: tuple[str, ...]
    paths: tuple[str, ...]
    labels: np.ndarray
    notes: tuple[str, ...]

    @property
    def unequal(self) -> bool:
        """Whether classes have different numbers of images, so that some count more in top-1."""
        counts = np.bincount(self.labels)
        return len(set(counts[counts > 0].tolist())) > 1

    def mean_per_class(self, group: Group) -> float:
        """Returns the mean accuracy of the classes that have images, mean over seeds."""
        of_image = group.correct.mean(axis=0)
        counts = np.bincount(self.labels)
        of_class = np.bincount(self.labels, of_image)[counts > 0] / counts[counts > 0]
        return float(of_class.mean())

    @property
    def runs(self) -> list[RunResult]:
        """All runs, in the order of the groups."""
        return [run for group in self.groups for parts in group.runs for run in parts]


def open_study(places: Iterable[str | Path]) -> Study:
    """Reads runs and groups them.

    Args:
        places: Folders of runs, or folders that hold runs. Unfinished runs in the latter, and
            files, are skipped with a note.

    Raises:
        FgmixError: If a run can't be read or can't be compared with the others.
    """
    directories, notes = find_runs(places)
    return group_runs([read_run(directory) for directory in directories], notes)


def group_runs(runs: Sequence[RunResult], notes: Sequence[str] = ()) -> Study:
    """Groups runs by everything but their seed.

    Args:
        runs: Finished runs.
        notes: Notes from reading them.

    Raises:
        FgmixError: If two have the same settings and seed, have the same settings but different
            training images, or were measured on different images.
    """
    alike: dict[str, list[RunResult]] = {}
    for run in runs:
        alike.setdefault(repr(sorted(run.settings.items(), key=str)), []).append(run)
    seeds = [_by_seed(members) for members in alike.values()]
    joined = [[_join_folds(parts) for parts in by_seed.values()] for by_seed in seeds]
    first = joined[0][0]
    for members in joined:
        for run in members:
            _refuse_other_images(first, run)
    named = {name for members in joined for run in members for name in run.predicted}
    class_names = tuple(sorted(named | set(first.labels)))
    index = {name: i for i, name in enumerate(class_names)}
    labels = np.array([index[name] for name in first.labels], np.int32)
    given = {name for members in joined for name in members[0].given}
    shown = distinguishing([members[0].settings for members in joined], given)
    groups = []
    for by_seed, members in zip(seeds, joined, strict=True):
        predicted = np.array([[index[name] for name in run.predicted] for run in members], np.int32)
        groups.append(
            Group(
                name_group(members[0].settings, shown),
                members[0].settings,
                tuple(by_seed),
                tuple(tuple(parts) for parts in by_seed.values()),
                predicted,
                predicted == labels,
                np.array([run.confidences for run in members]),
            )
        )
    groups.sort(key=lambda group: place(group.settings, shown))
    told = [*notes, *_image_notes(groups, shown), *_library_notes(runs)]
    if any(run.fold is not None for run in runs):
        told.append(
            "The folds of a seed are taken together. Their models are not independent, because "
            "each was trained on images that others were measured on, so intervals may be somewhat "
            "too narrow."
        )
    return Study(tuple(groups), class_names, first.paths, labels, tuple(told))


def _by_seed(runs: Sequence[RunResult]) -> dict[int, list[RunResult]]:
    """Returns the runs of one group by seed, each seed's in the order of the folds."""
    found: dict[tuple[int, int | None], RunResult] = {}
    for run in sorted(runs, key=lambda run: (run.seed, run.fold or 0)):
        other = found.setdefault((run.seed, run.fold), run)
        if other is not run:
            raise FgmixError(
                f"{other.directory} and {run.directory} have the same settings and seed "
                f"{run.seed}: name one of them"
            )
    by_seed: dict[int, list[RunResult]] = {}
    for (seed, _), run in found.items():
        by_seed.setdefault(seed, []).append(run)
    of_fold: dict[int | None, list[RunResult]] = {}
    for run in found.values():  # seeds may lack a fold, so runs are matched by its number
        of_fold.setdefault(run.fold, []).append(run)
    for fold, parts in of_fold.items():
        fingerprints = comparable_fingerprints([run.data for run in parts])
        for run, fingerprint in zip(parts, fingerprints, strict=True):
            if fingerprint != fingerprints[0]:
                raise FgmixError(
                    f"{parts[0].directory} and {run.directory} have the same settings but "
                    f"different photos: photos were added, removed or relabelled between them"
                    + (f" (fold {fold})" if fold is not None else "")
                )
    return by_seed


def _join_folds(parts: Sequence[RunResult]) -> RunResult:
    """Returns the runs of all folds of one seed as one, or the single run of a seed."""
    first = parts[0]
    wanted = first.settings["folds"]
    if wanted is None:
        return first
    missing = set(range(wanted)) - {run.fold for run in parts}
    if missing:
        raise FgmixError(
            f"{first.directory} is one of {wanted} folds, and fold {min(missing)} of seed "
            f"{first.seed} is not among the runs: name the runs of all folds"
        )
    order = sorted(
        (path, run, row) for run, part in enumerate(parts) for row, path in enumerate(part.paths)
    )
    return RunResult(
        first.run,
        first.settings,
        first.seed,
        None,
        tuple(path for path, _, _ in order),
        tuple(parts[run].labels[row] for _, run, row in order),
        tuple(parts[run].predicted[row] for _, run, row in order),
        np.array([parts[run].confidences[row] for _, run, row in order]),
    )


def _refuse_other_images(first: RunResult, run: RunResult) -> None:
    if run.paths != first.paths:
        gone, new = set(first.paths) - set(run.paths), set(run.paths) - set(first.paths)
        parts = [
            f"{len(paths):,} photos only in the {which} ({min(paths)}{', ...' * (len(paths) > 1)})"
            for paths, which in ((gone, "first"), (new, "second"))
            if paths
        ]
        raise FgmixError(
            f"{first.directory} and {run.directory} can't be compared: their test photos differ, "
            f"{' and '.join(parts)}; compare runs of one data set and one --split-seed"
        )
    if run.labels != first.labels:
        other = [i for i, label in enumerate(run.labels) if label != first.labels[i]]
        i = other[0]
        raise FgmixError(
            f"{first.directory} and {run.directory} can't be compared: {len(other):,} test "
            f"photo(s) have different labels, such as {first.paths[i]}, {first.labels[i]!r} in the "
            f"first and {run.labels[i]!r} in the second"
        )


def _image_notes(groups: Sequence[Group], shown: Sequence[str]) -> list[str]:
    """Returns notes on groups trained on different images, unless their names say so."""
    telling = [name for name in IMAGE_SETTINGS if name in shown]
    alike: dict[str, list[Group]] = {}
    for group in groups:
        alike.setdefault(repr([group.settings[name] for name in telling]), []).append(group)
    notes = []
    for members in alike.values():
        by_images: dict[tuple[str, ...], list[Group]] = {}
        found = iter(comparable_fingerprints([r.data for group in members for r in group.runs[0]]))
        for group in members:
            by_images.setdefault(tuple(islice(found, len(group.runs[0]))), []).append(group)
        if len(by_images) < 2:
            continue
        counts = [_trained_on(same[0]) for same in by_images.values()]
        parts = [
            f"{', '.join(group.name for group in same)} on {count}"
            for same, count in zip(by_images.values(), counts, strict=True)
        ]
        note = f"Not all groups were trained on the same photos: {'; '.join(parts)}."
        if len(set(counts)) < len(counts):
            note += " Where the numbers are equal, the photos still differ: some were added, "
            note += "removed, replaced or relabelled."
        notes.append(f"{note} A difference between them may be due to that.")
    return notes


def _trained_on(group: Group) -> str:
    """Returns the number of training images of a group, as a range over folds."""
    counts = [run.data["num_images"]["train"] for run in group.runs[0]]
    low, high = f"{min(counts):,}", f"{max(counts):,}"
    return low if low == high else f"{low} to {high}"


def _library_notes(runs: Sequence[RunResult]) -> list[str]:
    notes = []
    for name in dict.fromkeys(name for run in runs for name in run.versions):
        versions = sorted({run.versions.get(name, "unknown") for run in runs})
        if len(versions) > 1:
            notes.append(f"The runs were made with {name} {' and '.join(versions)}.")
    return notes
