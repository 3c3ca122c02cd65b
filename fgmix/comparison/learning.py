"""Learning curves: accuracy against the number of training images per class."""

from dataclasses import dataclass

from fgmix.comparison.contrasts import Comparison
from fgmix.comparison.names import differing, distinguishing, name_group
from fgmix.comparison.statistics import Accuracy

AMOUNTS = ("shots", "train_fraction")
"""The settings that limit the training images."""


@dataclass(frozen=True)
class CurvePoint:
    """A group as a point of a learning curve.

    Attributes:
        amount: The limit on its training images in words: `5 shots`, `all`.
        images: The mean number of training images per class.
        accuracy: Its accuracy.
    """

    amount: str
    images: float
    accuracy: Accuracy


@dataclass(frozen=True)
class LearningCurve:
    """Groups that differ only in the number of training images.

    Attributes:
        name: The settings that distinguish the curve from the others.
        points: The groups, sorted by the number of training images.
    """

    name: str
    points: tuple[CurvePoint, ...]


def learning_curves(comparison: Comparison) -> list[LearningCurve]:
    """Returns the learning curves of a comparison; none if no setting of `AMOUNTS` varies."""
    groups = comparison.study.groups
    if not any(set(differing(groups[0], g)) & set(AMOUNTS) for g in groups):
        return []
    others = [{k: v for k, v in g.settings.items() if k not in AMOUNTS} for g in groups]
    shown = distinguishing(others)
    curves: dict[str, list[CurvePoint]] = {}
    for group, other, accuracy in zip(groups, others, comparison.accuracies, strict=True):
        data, shots = group.runs[0][0].data, group.settings["shots"]
        images = shots or data["num_images"]["train"] / data["num_classes"]
        point = CurvePoint(_amount(group.settings), images, accuracy)
        curves.setdefault(name_group(other, shown), []).append(point)
    return [
        LearningCurve(name, tuple(sorted(points, key=lambda point: point.images)))
        for name, points in curves.items()
    ]


def _amount(settings: dict) -> str:
    if settings["shots"] is not None:
        return f"{settings['shots']} shots"
    if settings["train_fraction"] < 1:
        return f"{settings['train_fraction']:.0%}"
    return "all"
