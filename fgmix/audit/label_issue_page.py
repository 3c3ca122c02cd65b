"""Writes a page with the images whose labels are likely wrong."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from fgmix.audit.label_issues import ClassQuality, LabelIssue
from fgmix.audit.out_of_fold import OutOfFold
from fgmix.audit.pages import thumbnails, write_page
from fgmix.files import inside

LARGE, SMALL = (400, 300), (128, 96)
"""The boxes of an issue's image and of the images to compare it with, in pixels."""


class Guess(NamedTuple):
    """A class that an image may belong to.

    Attributes:
        name: The class.
        chance: Its probability.
        peer: The most confident image of the class, as a `data:` URL; None if it is missing.
    """

    name: str
    chance: str
    peer: str | None


class Card(NamedTuple):
    """A label issue on the page.

    Attributes:
        path: The image's path.
        picture: The image, as a `data:` URL; None if it is missing.
        label: Its label.
        suggested: The class that it looks like.
    """

    path: str
    picture: str | None
    label: Guess
    suggested: Guess


def write_label_issue_page(
    path: Path,
    predictions: OutOfFold,
    issues: Sequence[LabelIssue],
    classes: Sequence[ClassQuality],
    summary: str,
) -> None:
    """Writes an HTML page that needs no other file.

    Each issue is shown with two images to compare it with: the most confident image of its label
    and of the suggested class. A table of the classes follows.

    Args:
        path: The file.
        predictions: The images; those whose file is gone or outside the root are shown as missing.
        issues: The issues to show, in order.
        classes: The classes to show, in order.
        summary: A line on what was audited.
    """
    write_page(
        path,
        "label_issues.html",
        name=predictions.name,
        summary=summary,
        cards=_cards(predictions, issues),
        classes=classes,
    )


def _cards(predictions: OutOfFold, issues: Sequence[LabelIssue]) -> list[Card]:
    surest = _surest(predictions)
    large = _pictures(predictions, (s.index for s in issues), LARGE)
    guessed = {surest[label] for s in issues for label in (s.label, s.suggested)}
    small = _pictures(predictions, guessed, SMALL)

    def guess(issue: LabelIssue, label: int) -> Guess:
        chance = f"{predictions.probabilities[issue.index, label]:.0%}"
        return Guess(predictions.class_names[label], chance, small.get(surest[label]))

    return [
        Card(
            predictions.paths[s.index], large.get(s.index), guess(s, s.label), guess(s, s.suggested)
        )
        for s in issues
    ]


def _surest(predictions: OutOfFold) -> dict[int, int]:
    """Returns, for every class, the image with its label that is predicted most confidently."""
    found: dict[int, int] = {}
    for index, label in enumerate(predictions.labels.tolist()):
        best = found.setdefault(label, index)
        column = predictions.probabilities[:, label]
        if column[index] > column[best]:
            found[label] = index
    return found


def _pictures(
    predictions: OutOfFold, indices: Iterable[int], box: tuple[int, int]
) -> dict[int, str]:
    """Returns images as `data:` URLs of JPEGs that fit into a box, without missing ones."""
    found = {i: inside(predictions.root, predictions.paths[i]) for i in sorted(set(indices))}
    chosen = [i for i, file in found.items() if file is not None]
    urls = thumbnails([str(found[i]) for i in chosen], box, predictions.crop_bottom)
    return {chosen[place]: url for place, url in urls.items()}
