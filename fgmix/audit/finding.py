"""A finding of an audit."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Finding:
    """All cases of one kind of problem.

    Attributes:
        kind: A name for programs.
        hurts: Whether it would hurt training or the measured result.
        summary: What was found, with counts.
        remedy: What to do.
        items: The cases; `describe` turns each into a line. One with `photos` is a picture that is
            there several times, one with `kinds` a class that looks like two, and one with a `path`
            and a `class` an image that can be read.
    """

    kind: str
    hurts: bool
    summary: str
    remedy: str
    items: tuple[dict[str, Any], ...]


def describe(item: dict[str, Any]) -> str:
    """Returns one case of a finding as a line."""
    if "photos" in item:
        names = [f"{p['path']} ({p['split']}, {p['class']})" for p in item["photos"]]
        return f"{' = '.join(names)}{describe_change(item)}"
    if "kinds" in item:
        kinds = zip(item["photos of each kind"], item["kinds"], strict=True)
        shown = [f"{count} like {photos[0]['path']}" for count, photos in kinds]
        return f"{item['class']}: {' and '.join(shown)}"
    return "  ".join(str(value) for value in item.values())


def describe_change(item: dict[str, Any]) -> str:
    """Returns how duplicates differ, after a comma; `""` for equal ones."""
    changes = [name for name in ("mirrored", "cropped") if item[name]]
    return f", {' and '.join(changes) or 'nearly'}" if item["bits"] else ""
