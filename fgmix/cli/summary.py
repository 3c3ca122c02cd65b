"""Metrics in words."""

from typing import Any


def summarize(metrics: dict[str, Any], split: str = "test") -> str:
    """One line for a person: accuracies in percent, with the standard error of the first."""
    n, top1 = metrics["num_examples"], metrics["top1"]
    error = (top1 * (1 - top1) / n) ** 0.5
    return (
        f"top-1 {top1:.1%} (standard error {error:.1%}), top-5 {metrics['top5']:.1%}, "
        f"mean per class {metrics['mean_per_class']:.1%}, loss {metrics['loss']:.3f}, "
        f"{n} {split} photos"
    )
