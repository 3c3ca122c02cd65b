"""Writes a page with the images to label next."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from fgmix.audit.label_issue_page import LARGE
from fgmix.audit.pages import thumbnails, write_page


class Candidate(NamedTuple):
    """An unlabelled image and what the model takes it for.

    Attributes:
        path: The file.
        top: The likeliest classes and their probabilities, the likeliest first.
    """

    path: Path
    top: tuple[tuple[str, float], ...]


def write_to_label_page(
    path: Path, chosen: Sequence[Candidate], table: str, summary: str, crop_bottom: int = 0
) -> None:
    """Writes an HTML page that needs no other file.

    Args:
        path: The file.
        chosen: The images, in order.
        table: The name of the table that is to be filled in.
        summary: A line on what they were chosen from.
        crop_bottom: Pixel rows that the model removes from the bottom of every image.
    """
    pictures = thumbnails([str(one.path) for one in chosen], LARGE, crop_bottom)
    cards = [
        {
            "path": str(one.path),
            "picture": pictures.get(place),
            "top": [(name, f"{probability:.0%}") for name, probability in one.top],
        }
        for place, one in enumerate(chosen)
    ]
    write_page(path, "to_label.html", summary=summary, table=table, cards=cards)
