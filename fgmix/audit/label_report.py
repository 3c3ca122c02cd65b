"""Audits labels: writes the files and the printed report."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fgmix.audit.label_issues import ClassQuality, LabelIssue, find_label_issues, rate_classes
from fgmix.audit.out_of_fold import OutOfFold, join_folds, open_folds
from fgmix.errors import FgmixError
from fgmix.files import write_csv

PAGE, ISSUES, CLASSES = "suspects.html", "suspects.csv", "classes.csv"
SHOWN = 5
"""The number of issues and classes that are printed."""


@dataclass(frozen=True)
class LabelAudit:
    """The label issues of a data set, and the classes that need images.

    Attributes:
        predictions: The images, and predictions by models that were not trained on them.
        issues: The most certain issues first, as many as were asked for.
        found: The number of all issues.
        classes: Every class, those that need images first.
    """

    predictions: OutOfFold
    issues: tuple[LabelIssue, ...]
    found: int
    classes: tuple[ClassQuality, ...]

    @property
    def needy(self) -> list[ClassQuality]:
        """The classes that need images."""
        return [c for c in self.classes if c.needs_images]

    @property
    def summary(self) -> str:
        """What was audited and found, in a line."""
        predictions = self.predictions
        recognised = predictions.probabilities.argmax(axis=1) == predictions.labels
        return (
            f"{predictions.name}: {len(predictions.labels)} training photos of "
            f"{len(self.classes)} classes, {recognised.mean():.1%} recognised by models that had "
            f"not seen them; label issues: {self.found}"
        )


def audit_labels(runs: Sequence[str | Path], top: int, root: Path | None = None) -> LabelAudit:
    """Finds label issues and the classes that need images.

    Args:
        runs: The folders of the runs of all folds, or of one of them.
        top: How many issues to list.
        root: The folder of the images, if they have moved.

    Raises:
        FgmixError: If the runs are not all folds of one experiment, or their images are missing.
    """
    predictions = join_folds(open_folds(runs))
    predictions = replace(predictions, root=root or predictions.root)
    if not predictions.root.is_dir():
        raise FgmixError(
            f"the photos are no longer in {predictions.root}: give the folder where they are now "
            f"as --dataset, or as --data-dir for a named data set"
        )
    labels, probabilities = predictions.labels, predictions.probabilities
    issues = find_label_issues(probabilities, labels)
    classes = rate_classes(probabilities, labels, predictions.class_names, issues)
    return LabelAudit(predictions, tuple(issues[:top]), len(issues), tuple(classes))


def write_label_audit(output: Path, audit: LabelAudit) -> tuple[str, ...]:
    """Writes a page of the label issues, and issues and classes as CSV files.

    Needs TensorFlow.

    Args:
        output: The folder; created if it does not exist.
        audit: From `audit_labels`.

    Returns:
        The names of the files.
    """
    from fgmix.audit.label_issue_page import write_label_issue_page

    output.mkdir(parents=True, exist_ok=True)
    summary, listed = audit.summary, len(audit.issues)
    if listed < audit.found:
        summary += f", the first {listed} shown"
    write_label_issue_page(
        output / PAGE, audit.predictions, audit.issues, audit.needy, f"{summary}."
    )
    _write_issues(output / ISSUES, audit)
    _write_classes(output / CLASSES, audit.classes)
    return PAGE, ISSUES, CLASSES


def _write_issues(path: Path, audit: LabelAudit) -> None:
    names, chance = audit.predictions.class_names, audit.predictions.probabilities
    rows = [
        {
            "path": audit.predictions.paths[s.index],
            "label": names[s.label],
            "suggested": names[s.suggested],
            "probability": f"{chance[s.index, s.label]:.6f}",
            "probability_suggested": f"{chance[s.index, s.suggested]:.6f}",
            "score": f"{s.score:.6f}",
        }
        for s in audit.issues
    ]
    columns = ("path", "label", "suggested", "probability", "probability_suggested", "score")
    write_csv(path, columns, rows, for_people=True)


def _write_classes(path: Path, classes: Sequence[ClassQuality]) -> None:
    rows = [
        {
            "class": c.name,
            "photos": c.images,
            "accuracy": "" if math.isnan(c.accuracy) else f"{c.accuracy:.4f}",
            "taken_for": c.taken_for,
            "suspects": c.issues,
            "needs_photos": "yes" if c.needs_images else "no",
        }
        for c in classes
    ]
    write_csv(path, tuple(rows[0]), rows, for_people=True)


def label_lines(audit: LabelAudit) -> list[str]:
    """Returns the lines of the printed report, with the first items of each list."""
    predictions, needy = audit.predictions, audit.needy
    names, lines = predictions.class_names, [audit.summary]
    if audit.issues:
        lines += ["", "likely mislabelled, the most certain first:"]
    for s in audit.issues[:SHOWN]:
        chance = predictions.probabilities[s.index, s.suggested]
        lines.append(
            f"  {predictions.paths[s.index]}: labelled {names[s.label]}, "
            f"looks like {names[s.suggested]} ({chance:.0%})"
        )
    if len(audit.issues) > SHOWN:
        lines.append(f"  and {len(audit.issues) - SHOWN} more in {PAGE}")
    if needy:
        lines += ["", "classes that need more photos:"]
    for c in needy[:SHOWN]:
        taken = f", else mostly taken for {c.taken_for}" if c.taken_for else ""
        lines.append(f"  {c.name}: {c.images} photos, {c.accuracy:.0%} recognised{taken}")
    if len(needy) > SHOWN:
        lines.append(f"  and {len(needy) - SHOWN} more in {CLASSES}")
    return lines
