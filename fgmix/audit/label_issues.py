"""Which labels are likely wrong, and which classes are hard, from out-of-fold predictions."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LabelIssue:
    """A photo whose label is likely wrong.

    Attributes:
        index: The photo's row in the predictions.
        label: Its label.
        suggested: The class that it is likely of.
        score: The probability of the label less the highest of another class, from -1, the
            surest issue, to 0.
    """

    index: int
    label: int
    suggested: int
    score: float


@dataclass(frozen=True)
class ClassQuality:
    """How well a class is told from the others.

    Attributes:
        name: The class.
        photos: Its photos.
        accuracy: The share of them that was recognised; NaN without photos.
        taken_for: The class that the others were most often taken for, `""` if all were
            recognised.
        issues: How many of its photos have one.
        needs_photos: Whether photos are what it lacks: it is recognised less often than the mean
            of the classes, and has no more photos than the median of them.
    """

    name: str
    photos: int
    accuracy: float
    taken_for: str
    issues: int
    needs_photos: bool


def find_label_issues(probabilities: np.ndarray, labels: np.ndarray) -> list[LabelIssue]:
    """Finds photos that are confidently of another class than their label's.

    A photo is confidently of a class if the class's probability is at least its mean over the
    photos that are labelled so; of several such classes the likeliest counts. So classes that the
    model is unsure of in general need less to be suggested. These are the off-diagonal photos of
    the confident joint of Northcutt, Jiang and Chuang, *Confident Learning: Estimating Uncertainty
    in Dataset Labels* (JAIR 70, 2021). Those whose label is the likeliest class are left out.

    Args:
        probabilities: `(n, K)`, from models that have not seen the photos.
        labels: Integer `(n,)`.

    Returns:
        The issues, the surest first.
    """
    rows = np.arange(len(labels))
    photos = np.bincount(labels, minlength=probabilities.shape[1])
    sums = np.bincount(labels, probabilities[rows, labels], minlength=len(photos))
    means = np.where(photos > 0, sums / np.maximum(photos, 1), np.inf)
    confident = np.where(probabilities >= means, probabilities, -1)
    suggested = confident.argmax(axis=1)
    is_issue = (confident.max(axis=1) >= 0) & (suggested != labels)
    is_issue &= probabilities.argmax(axis=1) != labels

    others = probabilities.copy()
    others[rows, labels] = -1
    scores = probabilities[rows, labels] - others.max(axis=1)
    order = np.argsort(scores, kind="stable")
    return [
        LabelIssue(int(i), int(labels[i]), int(suggested[i]), float(scores[i]))
        for i in order[is_issue[order]]
    ]


def rate_classes(
    probabilities: np.ndarray,
    labels: np.ndarray,
    class_names: tuple[str, ...],
    issues: list[LabelIssue],
) -> list[ClassQuality]:
    """Rates every class, those that need photos first and of these the least recognised.

    Args:
        probabilities: `(n, K)`, from models that have not seen the photos.
        labels: Integer `(n,)`.
        class_names: `K` names.
        issues: From `find_label_issues`.
    """
    size = len(class_names)
    confusion = np.zeros((size, size), np.int64)
    np.add.at(confusion, (labels, probabilities.argmax(axis=1)), 1)
    photos, correct = confusion.sum(axis=1), confusion.diagonal()
    accuracy = np.where(photos > 0, correct / np.maximum(photos, 1), np.nan)
    needs = (accuracy < np.nanmean(accuracy)) & (photos <= np.median(photos))
    mistakes = confusion - np.diag(correct)
    issues_of_class = np.bincount(np.array([s.label for s in issues], int), minlength=size)
    order = sorted(range(size), key=lambda i: (not needs[i], accuracy[i], photos[i]))
    return [
        ClassQuality(
            class_names[i],
            int(photos[i]),
            float(accuracy[i]),
            class_names[mistakes[i].argmax()] if mistakes[i].any() else "",
            int(issues_of_class[i]),
            bool(needs[i]),
        )
        for i in order
    ]
