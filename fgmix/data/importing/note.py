"""The note of an imported folder, `source.json`: where it came from and what was done to it."""

from pathlib import Path
from typing import Any

from fgmix.files import read_json

NOTE, MANIFEST = "source.json", "labels.csv"


def read_note(dataset: str | Path) -> dict[str, Any] | None:
    """Returns the note of an imported data set; None if it was not imported.

    Args:
        dataset: The folder, or the manifest in it.
    """
    path = Path(dataset)
    try:
        note = read_json((path if path.is_dir() else path.parent) / NOTE)
    except (OSError, ValueError, RecursionError):
        return None
    return note if isinstance(note, dict) and "imported_by" in note else None


def crops_of(note: dict[str, Any] | None) -> dict[str, Any] | None:
    """Returns how the photos of a note were cropped; None if they were not."""
    crops = (note or {}).get("crops")
    return crops if isinstance(crops, dict) else None


def describe_terms(note: dict[str, Any]) -> str:
    """Returns where imported photos came from and under which terms, as a sentence or two."""
    licence = note.get("licence")
    terms = f"licence: {licence}" if licence else "no licence was named: its owner's terms apply"
    return f"The photos were imported from {note.get('source')} ({terms})."


def describe_crops(crops: dict[str, Any]) -> str:
    """Returns what a model that was trained on crops expects, as a sentence or two."""
    return (
        f"It was trained on crops of the object, with a margin of {crops.get('margin', 0):.0%} of "
        "the object's box on each side: crop photos in the same way before they are predicted."
    )
