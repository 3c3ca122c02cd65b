"""Computes classification metrics from probabilities and labels."""

from typing import Any

import numpy as np

from fgmix.training.losses import cross_entropy


def classification_metrics(
    probabilities: np.ndarray, labels: np.ndarray, class_names: tuple[str, ...]
) -> dict[str, Any]:
    """Returns accuracies, as fractions, and the loss.

    Args:
        probabilities: `(n, K)`.
        labels: Integer `(n,)`.
        class_names: `K` names.

    Returns:
        `top1`; `top5`, the share whose label is among the `min(5, K)` most probable classes;
        `mean_per_class`, the mean accuracy of the classes that have images (FGVC-Aircraft's
        official metric); `loss`, the mean cross-entropy in nats; `num_examples`; `num_classes`;
        and `per_class`, the accuracy of each class that has images.

    Example:
        >>> probabilities = np.array([[0.9, 0.1], [0.6, 0.4]])
        >>> metrics = classification_metrics(probabilities, np.array([0, 1]), ("crow", "dove"))
        >>> metrics["top1"], metrics["per_class"]
        (0.5, {'crow': 1.0, 'dove': 0.0})
    """
    order = np.argsort(-probabilities, axis=1, kind="stable")
    hit = order[:, 0] == labels
    in_top = (order[:, : min(5, probabilities.shape[1])] == labels[:, None]).any(axis=1)
    per_class = {
        name: float(hit[labels == index].mean())
        for index, name in enumerate(class_names)
        if (labels == index).any()
    }
    return {
        "top1": float(hit.mean()),
        "top5": float(in_top.mean()),
        "mean_per_class": float(np.mean(list(per_class.values()))),
        "loss": cross_entropy(probabilities, labels),
        "num_examples": len(labels),
        "num_classes": len(class_names),
        "per_class": per_class,
    }


def standard_error(share: float, count: int) -> float:
    """Returns the standard error of a share that was measured on `count` images.

    Example:
        >>> standard_error(0.9, 100)
        0.03
    """
    return (share * (1 - share) / count) ** 0.5


def name_of_top5(classes: int) -> str:
    """Returns what `top5` is called: of fewer than five classes all are counted.

    Example:
        >>> name_of_top5(196), name_of_top5(3)
        ('top-5', 'top-3')
    """
    return f"top-{min(5, classes)}"


def summarize(metrics: dict[str, Any], split: str = "test") -> str:
    """Returns a line with the accuracies in percent and the standard error of top-1.

    Args:
        metrics: From `classification_metrics`.
        split: The split that was measured.
    """
    count, top1 = metrics["num_examples"], metrics["top1"]
    among = name_of_top5(metrics.get("num_classes", 5))  # runs of 0.1 did not record the number
    return (
        f"top-1 {top1:.1%} (standard error {standard_error(top1, count):.1%}), "
        f"{among} {metrics['top5']:.1%}, mean per class {metrics['mean_per_class']:.1%}, "
        f"loss {metrics['loss']:.3f}, {count} {'' if split == 'all' else f'{split} '}photos"
    )
