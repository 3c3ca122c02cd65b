"""Classification metrics from probabilities and labels, and in words."""

from typing import Any

import numpy as np


def classification_metrics(
    probabilities: np.ndarray, labels: np.ndarray, class_names: tuple[str, ...]
) -> dict[str, Any]:
    """Accuracy and loss, as fractions.

    Args:
        probabilities: `(n, K)`.
        labels: Integer `(n,)`.
        class_names: `K` names.

    Returns:
        `top1`; `top5`, the share whose label is among the `min(5, K)` likeliest classes;
        `mean_per_class`, the mean of the classes' accuracies (FGVC-Aircraft's official metric)
        over the classes that have images; `loss`, the mean cross-entropy in nats;
        `num_examples`; and `per_class`, each such class's accuracy.
    """
    order = np.argsort(-probabilities, axis=1, kind="stable")
    hit = order[:, 0] == labels
    in_top = (order[:, : min(5, probabilities.shape[1])] == labels[:, None]).any(axis=1)
    of_label = probabilities[np.arange(len(labels)), labels]
    tiny = np.finfo(np.float32).tiny
    per_class = {
        name: float(hit[labels == index].mean())
        for index, name in enumerate(class_names)
        if (labels == index).any()
    }
    return {
        "top1": float(hit.mean()),
        "top5": float(in_top.mean()),
        "mean_per_class": float(np.mean(list(per_class.values()))),
        "loss": float(-np.log(np.maximum(of_label, tiny)).mean()),
        "num_examples": len(labels),
        "per_class": per_class,
    }


def standard_error(share: float, count: int) -> float:
    """The standard error of a share that was measured on `count` images."""
    return (share * (1 - share) / count) ** 0.5


def summarize(metrics: dict[str, Any], split: str = "test") -> str:
    """One line for a person: accuracies in percent, with the standard error of the first.

    Args:
        metrics: From `classification_metrics`.
        split: The split that they are of.
    """
    count, top1 = metrics["num_examples"], metrics["top1"]
    return (
        f"top-1 {top1:.1%} (standard error {standard_error(top1, count):.1%}), "
        f"top-5 {metrics['top5']:.1%}, mean per class {metrics['mean_per_class']:.1%}, "
        f"loss {metrics['loss']:.3f}, {count} {split} photos"
    )
