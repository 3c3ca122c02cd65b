"""From paths to contents and from answers to lines, whoever computes the answers in between."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

UNREADABLE = "not a readable image"


def read_image(path: Path, most: int) -> bytes | str:
    """The content of a file, or why there is none.

    Args:
        path: The file.
        most: The size in bytes above which it is not read.
    """
    try:
        if path.stat().st_size > most:
            return f"too large: more than {most >> 20} MiB"
        return path.read_bytes()
    except (OSError, ValueError) as error:  # the latter: a zero byte in a name
        return str(getattr(error, "strerror", error))


def describe(
    path: Path,
    labels: Sequence[str],
    probabilities: Sequence[float],
    accepted: bool | None = None,
) -> dict[str, Any]:
    """What is said of a photo.

    Args:
        path: Its file.
        labels: The likeliest classes, the likeliest first; at least one.
        probabilities: The probability of each.
        accepted: Whether the model trusts its answer, if it tells.

    Returns:
        `path`, `label`, `probability` and `top`, the pairs of label and probability; and
        `accepted`, if it is told.
    """
    top = [
        [label, round(float(probability), 6)]
        for label, probability in zip(labels, probabilities, strict=True)
    ]
    label, probability = top[0]
    answer = {"path": str(path), "label": label, "probability": probability, "top": top}
    return answer if accepted is None else answer | {"accepted": accepted}


def describe_failure(path: Path, reason: str = UNREADABLE) -> dict[str, Any]:
    """What is said of a file that has no answer: `path` and `error`."""
    return {"path": str(path), "error": reason}
