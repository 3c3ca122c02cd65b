"""From paths to contents and from answers to lines, whoever computes the answers in between."""

from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from fgmix.data.folder import SUFFIXES, is_image_file
from fgmix.errors import FgmixError

UNREADABLE = "not a readable image"


def find_images(paths: Iterable[str]) -> list[Path]:
    """Files as they are given, and the images anywhere inside folders, in order.

    Raises:
        FgmixError: If a path does not exist or a folder holds no image.
    """
    return list(chain.from_iterable(_images_at(Path(path)) for path in paths))


def read_photo(path: Path, most: int | None = None) -> bytes | str:
    """The content of a file, or why there is none.

    Args:
        path: The file.
        most: The size in bytes above which it is not read.
    """
    try:
        if most is not None and path.stat().st_size > most:
            return f"too large to send: more than {most >> 20} MiB"
        return path.read_bytes()
    except OSError as error:
        return str(error.strerror)


def describe(path: Path, labels: Sequence[str], probabilities: Sequence[float]) -> dict[str, Any]:
    """What is said of a photo.

    Args:
        path: Its file.
        labels: The likeliest classes, the likeliest first; at least one.
        probabilities: The probability of each.

    Returns:
        `path`, `label`, `probability` and `top`, the pairs of label and probability.
    """
    top = [
        [label, round(float(probability), 6)]
        for label, probability in zip(labels, probabilities, strict=True)
    ]
    label, probability = top[0]
    return {"path": str(path), "label": label, "probability": probability, "top": top}


def describe_failure(path: Path, reason: str = UNREADABLE) -> dict[str, Any]:
    """What is said of a file that has no answer: `path` and `error`."""
    return {"path": str(path), "error": reason}


def _images_at(path: Path) -> list[Path]:
    if not path.exists():
        raise FgmixError(f"no such file or folder: {path}")
    if not path.is_dir():
        return [path]
    images = sorted(inner for inner in path.rglob("*") if is_image_file(inner))
    if not images:
        raise FgmixError(f"{path} holds no image ({', '.join(sorted(SUFFIXES))})")
    return images
