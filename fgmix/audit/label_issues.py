"""Finds label issues and hard classes from out-of-fold predictions."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LabelIssue:
    """An image whose label is likely wrong.

    Attributes:
        index: The image's row in the predictions.
        label: Its label.
        suggested: The class that it likely belongs to.
        score: The probability of the label minus the highest of another class, from -1 (most
            certain issue) to 0.
    """

    index: int
    label: int
    suggested: int
    score: float


@dataclass(frozen=True)
class ClassQuality:
    """How well a class is recognised.

    Attributes:
        name: The class.
        images: The number of its images.
        accuracy: The share of its images that are recognised; NaN without images.
        taken_for: The class that is most often predicted for the others, `""` if all are
            recognised.
        issues: The number of its images with a label issue.
        needs_images: Whether the class lacks images: its accuracy is below the mean of the classes,
            and it has no more images than their median.
    """

    name: str
    images: int
    accuracy: float
    taken_for: str
    issues: int
    needs_images: bool


def find_label_issues(probabilities: np.ndarray, labels: np.ndarray) -> list[LabelIssue]:
    """Finds images that confidently belong to another class than their label.

    An image confidently belongs to a class if the class's probability is at least its mean over the
    images with that label; of several such classes the most probable counts. So a class about which
    the model is generally unsure has a lower threshold. These are the off-diagonal images of the
    confident joint of Northcutt, Jiang and Chuang, *Confident Learning: Estimating Uncertainty in
    Dataset Labels* (JAIR 70, 2021). Images whose label is the most probable class are left out.

    Args:
        probabilities: `(n, K)`, from models that were not trained on the images.
        labels: Integer `(n,)`.

    Returns:
        The issues, the most certain first.
    """
    rows = np.arange(len(labels))
    images = np.bincount(labels, minlength=probabilities.shape[1])
    sums = np.bincount(labels, probabilities[rows, labels], minlength=len(images))
    means = np.where(images > 0, sums / np.maximum(images, 1), np.inf)
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
    """Rates every class; classes that need images come first, the least accurate of them first.

    Args:
        probabilities: `(n, K)`, from models that were not trained on the images.
        labels: Integer `(n,)`.
        class_names: `K` names.
        issues: From `find_label_issues`.
    """
    size = len(class_names)
    confusion = np.zeros((size, size), np.int64)
    np.add.at(confusion, (labels, probabilities.argmax(axis=1)), 1)
    images, correct = confusion.sum(axis=1), confusion.diagonal()
    accuracy = np.where(images > 0, correct / np.maximum(images, 1), np.nan)
    needs = (accuracy < np.nanmean(accuracy)) & (images <= np.median(images))
    mistakes = confusion - np.diag(correct)
    issues_of_class = np.bincount(np.array([s.label for s in issues], int), minlength=size)
    order = sorted(range(size), key=lambda i: (not needs[i], accuracy[i], images[i]))
    return [
        ClassQuality(
            class_names[i],
            int(images[i]),
            float(accuracy[i]),
            class_names[mistakes[i].argmax()] if mistakes[i].any() else "",
            int(issues_of_class[i]),
            bool(needs[i]),
        )
        for i in order
    ]
