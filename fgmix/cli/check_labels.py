"""`python -m fgmix check --model`: the photos that are likely mislabelled, and the hard classes."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fgmix.cli.main import import_tensorflow
from fgmix.errors import FgmixError
from fgmix.files import write_csv

if TYPE_CHECKING:
    from fgmix.audit.label_issues import ClassQuality, Suspect
    from fgmix.audit.out_of_fold import OutOfFold

SHOWN = 5
PAGE, SUSPECTS, CLASSES = "suspects.html", "suspects.csv", "classes.csv"


def check_labels(runs: Sequence[str], output: Path | None, top: int) -> int:
    """Prints and writes which labels are suspect and which classes need photos.

    Args:
        runs: The folders of the runs of all folds, or of one of them.
        output: Where to write; `audits/NAME` by default.
        top: How many suspects to list.

    Returns:
        The exit code, 0: a suspect is for a person to judge.

    Raises:
        FgmixError: If the runs are not all folds of one experiment, or their photos are gone.
    """
    from fgmix.audit.label_issues import find_suspects, rate_classes
    from fgmix.audit.out_of_fold import join_folds, open_folds

    predictions = join_folds(open_folds(runs))
    if not predictions.root.is_dir():
        raise FgmixError(f"the photos are no longer in {predictions.root}: bring them back there")
    labels, probabilities = predictions.labels, predictions.probabilities
    suspects = find_suspects(probabilities, labels)
    classes = rate_classes(probabilities, labels, predictions.class_names, suspects)
    needy = [c for c in classes if c.needs_photos]
    listed = suspects[:top]
    accuracy = (probabilities.argmax(axis=1) == labels).mean()
    summary = (
        f"{predictions.name}: {len(labels)} training photos of {len(classes)} classes, "
        f"{accuracy:.1%} recognised by models that had not seen them; "
        f"suspect labels: {len(suspects)}"
    )

    import_tensorflow()
    from fgmix.audit.label_issue_page import write_suspect_page

    output = output or Path("audits") / predictions.name
    output.mkdir(parents=True, exist_ok=True)
    shown = f"{summary}, the first {len(listed)} shown" if suspects[top:] else summary
    write_suspect_page(output / PAGE, predictions, listed, needy, f"{shown}.")
    _write_tables(output, predictions, listed, classes)
    print("\n".join([summary, *_report(predictions, listed, needy)]))
    print(f"\nwritten to {output}: {PAGE}, {SUSPECTS}, {CLASSES}")
    return 0


def _write_tables(
    output: Path,
    predictions: "OutOfFold",
    suspects: Sequence["Suspect"],
    classes: Sequence["ClassQuality"],
) -> None:
    names, chance = predictions.class_names, predictions.probabilities
    columns = ("path", "label", "suggested", "probability", "probability_suggested", "score")
    rows = (
        (
            predictions.paths[s.index],
            names[s.label],
            names[s.suggested],
            f"{chance[s.index, s.label]:.6f}",
            f"{chance[s.index, s.suggested]:.6f}",
            f"{s.score:.6f}",
        )
        for s in suspects
    )
    write_csv(output / SUSPECTS, columns, (dict(zip(columns, row, strict=True)) for row in rows))
    columns = ("class", "photos", "accuracy", "taken_for", "suspects", "needs_photos")
    by_class = (
        (
            c.name,
            c.photos,
            "" if math.isnan(c.accuracy) else f"{c.accuracy:.4f}",
            c.taken_for,
            c.suspects,
            "yes" if c.needs_photos else "no",
        )
        for c in classes
    )
    write_csv(output / CLASSES, columns, (dict(zip(columns, row, strict=True)) for row in by_class))


def _report(
    predictions: "OutOfFold", suspects: Sequence["Suspect"], needy: Sequence["ClassQuality"]
) -> list[str]:
    """The first of each list, for the terminal."""
    names, lines = predictions.class_names, []
    if suspects:
        lines += ["", "likely mislabelled, the surest first:"]
    for s in suspects[:SHOWN]:
        chance = predictions.probabilities[s.index, s.suggested]
        lines.append(
            f"  {predictions.paths[s.index]}: labelled {names[s.label]}, "
            f"looks like {names[s.suggested]} ({chance:.0%})"
        )
    if len(suspects) > SHOWN:
        lines.append(f"  and {len(suspects) - SHOWN} more in {PAGE}")
    if needy:
        lines += ["", "classes that need more photos:"]
    for c in needy[:SHOWN]:
        taken = f", else mostly taken for {c.taken_for}" if c.taken_for else ""
        lines.append(f"  {c.name}: {c.photos} photos, {c.accuracy:.0%} recognised{taken}")
    if len(needy) > SHOWN:
        lines.append(f"  and {len(needy) - SHOWN} more in {CLASSES}")
    return lines
