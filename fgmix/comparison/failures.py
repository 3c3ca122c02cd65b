"""Where a group of runs fails: classes, confusions, calibration, selective accuracy.

Everything is computed from the runs' predictions.
"""

from dataclasses import dataclass

import numpy as np

from fgmix.comparison.statistics import mean_and_std
from fgmix.comparison.study import Group, Study
from fgmix.evaluation.calibration import threshold_for_coverage

BINS = 15
"""The number of bins of the reliability diagram, as in Guo et al."""

COVERAGES = (1.0, 0.9, 0.8, 0.7, 0.5)
EXAMPLES = 3


@dataclass(frozen=True)
class ClassAccuracy:
    """How well a class is recognised.

    Attributes:
        name: The class.
        images: The number of its test images.
        accuracy: The fraction of them that is recognised, mean over seeds.
        lowest: The accuracy of the worst seed.
        highest: The accuracy of the best seed.
        taken_for: The class that they are most often mistaken for, `""` if all are recognised.
        taken_share: The fraction of its images mistaken for that class, mean over seeds.
    """

    name: str
    images: int
    accuracy: float
    lowest: float
    highest: float
    taken_for: str
    taken_share: float


@dataclass(frozen=True)
class Confusion:
    """Two classes that are mistaken for each other.

    Attributes:
        first: The class whose images are more often mistaken.
        second: The other class.
        images: The number of test images of each.
        first_as_second: Images of the first predicted as the second, mean over seeds.
        second_as_first: Images of the second predicted as the first, mean over seeds.
        first_examples: Images of the first predicted as the second, sorted by the number of seeds
            and then by confidence.
        second_examples: Images of the second predicted as the first; if there are none, those
            recognised with the highest confidence.
    """

    first: str
    second: str
    images: tuple[int, int]
    first_as_second: float
    second_as_first: float
    first_examples: tuple[str, ...]
    second_examples: tuple[str, ...]

    @property
    def mistakes(self) -> float:
        """Mistakes in both directions, mean over seeds."""
        return self.first_as_second + self.second_as_first


@dataclass(frozen=True)
class ReliabilityBin:
    """The predictions of all seeds whose confidence lies in one bin.

    Attributes:
        low: The lower bound of the bin, exclusive.
        high: The upper bound of the bin, inclusive.
        answers: The number of predictions in the bin; if it is 0, the other two are NaN.
        confidence: Their mean confidence.
        accuracy: The fraction of them that is correct.
    """

    low: float
    high: float
    answers: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Selected:
    """The accuracy of the most confident predictions.

    Attributes:
        coverage: The least fraction of images whose predictions are kept.
        accuracy: The fraction of these predictions that is correct, mean over seeds.
        std: Its sample standard deviation over seeds; None for one seed.
    """

    coverage: float
    accuracy: float
    std: float | None


@dataclass(frozen=True)
class Failures:
    """Where a group fails.

    Attributes:
        group: Its name.
        classes: The classes that have test images, the least recognised first.
        confusions: Pairs of classes that are mistaken for each other, the most frequent first.
        calibration_error: The expected calibration error, mean over seeds.
        calibration_std: Its sample standard deviation over seeds; None for one seed.
        reliability: `BINS` bins from 0 to 1.
        selective: The selective accuracy at each of `COVERAGES`.
    """

    group: str
    classes: tuple[ClassAccuracy, ...]
    confusions: tuple[Confusion, ...]
    calibration_error: float
    calibration_std: float | None
    reliability: tuple[ReliabilityBin, ...]
    selective: tuple[Selected, ...]

    @property
    def single(self) -> bool:
        """Whether the group has a single seed."""
        return self.calibration_std is None

    @property
    def mean_per_class(self) -> float:
        """The mean accuracy over classes."""
        return float(np.mean([c.accuracy for c in self.classes]))


def find_failures(study: Study, group: Group, pairs: int = 20) -> Failures:
    """Returns where a group fails.

    Args:
        study: The study.
        group: One of its groups.
        pairs: The most pairs of classes to return.
    """
    counts = _confusion_counts(study, group)
    errors = [
        calibration_error(confidences, correct)
        for confidences, correct in zip(group.confidences, group.correct, strict=True)
    ]
    error, std = mean_and_std(errors)
    return Failures(
        group.name,
        _classes(study, group, counts),
        _confusions(study, group, counts, pairs),
        error,
        std,
        reliability(group.confidences.ravel(), group.correct.ravel()),
        tuple(_selected(group, coverage) for coverage in COVERAGES),
    )


def reliability(confidences: np.ndarray, correct: np.ndarray) -> tuple[ReliabilityBin, ...]:
    """Returns the `BINS` bins, of equal width, of the reliability diagram.

    Args:
        confidences: `(n,)`, the probability of each predicted class.
        correct: bool `(n,)`, whether it is the true one.
    """
    place = np.clip(np.ceil(confidences * BINS).astype(int) - 1, 0, BINS - 1)
    counts = np.bincount(place, minlength=BINS)
    with np.errstate(invalid="ignore"):
        confidence = np.bincount(place, confidences, minlength=BINS) / counts
        accuracy = np.bincount(place, correct, minlength=BINS) / counts
    return tuple(
        ReliabilityBin(
            i / BINS, (i + 1) / BINS, int(counts[i]), float(confidence[i]), float(accuracy[i])
        )
        for i in range(BINS)
    )


def calibration_error(confidences: np.ndarray, correct: np.ndarray) -> float:
    """Returns the expected calibration error: the mean gap between accuracy and confidence.

    C. Guo et al., *On Calibration of Modern Neural Networks*, ICML 2017, with `BINS` bins.

    Args:
        confidences: `(n,)`, the probability of each predicted class.
        correct: bool `(n,)`, whether it is the true one.
    """
    gaps = [
        b.answers * abs(b.accuracy - b.confidence)
        for b in reliability(confidences, correct)
        if b.answers
    ]
    return float(sum(gaps) / len(confidences))


def _confusion_counts(study: Study, group: Group) -> np.ndarray:
    """Returns the confusion matrix of each seed, int `(n, K, K)`."""
    seeds, size = len(group.seeds), len(study.class_names)
    counts = np.zeros((seeds, size, size), np.int32)
    labels = np.broadcast_to(study.labels, group.predicted.shape)
    np.add.at(counts, (np.arange(seeds)[:, None], labels, group.predicted), 1)
    return counts


def _classes(study: Study, group: Group, counts: np.ndarray) -> tuple[ClassAccuracy, ...]:
    images = np.bincount(study.labels, minlength=len(study.class_names))
    mean = counts.mean(axis=0)
    found = []
    for i in np.flatnonzero(images):
        seeds = counts[:, i, i] / images[i]
        wrong = mean[i].copy()
        wrong[i] = 0
        worst = int(wrong.argmax())
        found.append(
            ClassAccuracy(
                study.class_names[i],
                int(images[i]),
                float(seeds.mean()),
                float(seeds.min()),
                float(seeds.max()),
                study.class_names[worst] if wrong[worst] else "",
                float(wrong[worst] / images[i]),
            )
        )
    return tuple(sorted(found, key=lambda c: (c.accuracy, -c.images, c.name)))


def _confusions(
    study: Study, group: Group, counts: np.ndarray, pairs: int
) -> tuple[Confusion, ...]:
    images = np.bincount(study.labels, minlength=len(study.class_names))
    mean = counts.mean(axis=0)
    both = np.triu(mean + mean.T, 1)
    order = np.argsort(-both, axis=None, kind="stable")[:pairs]
    found = []
    for one, other in zip(*np.unravel_index(order, both.shape), strict=True):
        if not both[one, other]:
            break
        if mean[other, one] > mean[one, other]:
            one, other = other, one
        found.append(
            Confusion(
                study.class_names[one],
                study.class_names[other],
                (int(images[one]), int(images[other])),
                float(mean[one, other]),
                float(mean[other, one]),
                _examples(study, group, one, other),
                _examples(study, group, other, one) or _examples(study, group, other, other),
            )
        )
    return tuple(found)


def _examples(study: Study, group: Group, label: int, predicted: int) -> tuple[str, ...]:
    """Returns images of one class predicted as another, by number of seeds, then confidence."""
    so = (group.predicted == predicted) & (study.labels == label)
    times, confidence = so.sum(axis=0), (so * group.confidences).sum(axis=0)
    order = np.lexsort((-confidence, -times))[:EXAMPLES]
    return tuple(study.paths[i] for i in order if times[i])


def _selected(group: Group, coverage: float) -> Selected:
    accuracies = []
    for confidences, correct in zip(group.confidences, group.correct, strict=True):
        answered = confidences >= threshold_for_coverage(confidences, coverage)
        accuracies.append(float(correct[answered].mean()))
    return Selected(coverage, *mean_and_std(accuracies))
