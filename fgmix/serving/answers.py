"""Reading image files for inference, and the dictionaries that describe predictions."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

UNREADABLE = "not a readable image"


def read_image(path: Path, most: int) -> bytes | str:
    """Returns the content of a file as bytes, or as a string the reason why it can't be read.

    Args:
        path: The file.
        most: The size in bytes above which it is not read.
    """
    try:
        if path.stat().st_size > most:
            return f"too large: more than {most >> 20} MiB"
        return path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a zero byte in a name
        return str(getattr(error, "strerror", error))


def describe(
    path: Path,
    labels: Sequence[str],
    probabilities: Sequence[float],
    accepted: bool | None = None,
    distance: float | None = None,
) -> dict[str, Any]:
    """Returns the prediction for an image as a dictionary.

    Args:
        path: The image file.
        labels: The most likely classes, the likeliest first; at least one.
        probabilities: The probability of each.
        accepted: Whether the model accepts its own prediction; None if it has no threshold.
        distance: How far the image is from all classes; None if the model has no class means.

    Returns:
        `path`, `label`, `probability` and `top`, the pairs of label and probability; `distance` and
        `accepted` unless they are None.
    """
    top = [
        [label, round(float(probability), 6)]
        for label, probability in zip(labels, probabilities, strict=True)
    ]
    label, probability = top[0]
    answer = {"path": str(path), "label": label, "probability": probability, "top": top}
    if distance is not None:
        answer["distance"] = round(float(distance), 4)
    return answer if accepted is None else answer | {"accepted": accepted}


def describe_failure(path: Path, reason: str = UNREADABLE) -> dict[str, Any]:
    """Returns `path` and `error` of a file without a prediction."""
    return {"path": str(path), "error": reason}
