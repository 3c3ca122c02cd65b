"""A comparison as text, Markdown, CSV and JSON."""

import math
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from textwrap import fill
from typing import Any

from fgmix.comparison.contrasts import Comparison
from fgmix.comparison.failure_tables import failure_tables
from fgmix.comparison.failures import Failures, find_failures
from fgmix.comparison.learning import learning_curves
from fgmix.comparison.power import POWER
from fgmix.comparison.statistics import LEVEL
from fgmix.comparison.tables import comparison_tables
from fgmix.files import write_csv, write_json
from fgmix.tables import WIDTH, markdown_text


def verdicts(comparison: Comparison) -> list[str]:
    """Returns one sentence per contrast."""
    return [contrast.sentence for contrast in comparison.contrasts]


def headline(comparison: Comparison) -> str:
    """Returns a line that says what was compared."""
    study = comparison.study
    runs, first = study.runs, study.groups[0].settings
    counts = (
        f"{len(runs)} run{'s' * (len(runs) > 1)} in {len(study.groups)} "
        f"group{'s' * (len(study.groups) > 1)}"
    )
    words = {"dataset": "", "backbone": "backbone ", "recipe": "recipe "}
    same = [
        f"{word}{first[name]}"
        for name, word in words.items()
        if len({group.settings[name] for group in study.groups}) == 1
    ]
    kind = "test" if first["folds"] is None else "held-out"
    return (
        f"{', '.join(same)}: {counts}, {len(study.paths):,} {kind} photos of "
        f"{len(set(study.labels.tolist()))} classes"
    )


def as_text(comparison: Comparison, failures: Failures | None = None) -> str:
    """Returns the comparison as text for a terminal."""
    parts = [headline(comparison), *(t.as_text() for t in comparison_tables(comparison))]
    if comparison.contrasts:
        sentences = (fill(f"- {s}", WIDTH, subsequent_indent="  ") for s in verdicts(comparison))
        parts.append("\n".join(["verdict", *sentences]))
    if failures:
        parts += [table.as_text() for table in failure_tables(failures)]
    if comparison.notes:
        notes = (fill(f"- {note}", WIDTH, subsequent_indent="  ") for note in comparison.notes)
        parts.append("\n".join(["notes", *notes]))
    return "\n\n".join(parts)


def as_markdown(comparison: Comparison, failures: Failures | None = None) -> str:
    """Returns the comparison as a Markdown page."""
    parts = [f"# Comparison\n\n{markdown_text(headline(comparison))}.\n"]
    if comparison.contrasts:
        lines = "\n".join(f"- {markdown_text(sentence)}" for sentence in verdicts(comparison))
        parts.append(f"## Verdict\n\n{lines}\n")
    parts += [table.as_markdown() for table in comparison_tables(comparison)]
    if failures:
        parts += [table.as_markdown() for table in failure_tables(failures)]
    if comparison.notes:
        lines = "\n".join(f"- {markdown_text(note)}" for note in comparison.notes)
        parts.append(f"## Notes\n\n{lines}\n")
    return "\n".join(parts)


def write_groups(path: Path, comparison: Comparison) -> None:
    """Writes a CSV file with one row per group, and its difference to its baseline if it has one.

    Accuracies are in percent, differences in percentage points.
    """
    by_group = {contrast.group: contrast for contrast in comparison.contrasts}
    rows = []
    for group, a in zip(comparison.study.groups, comparison.accuracies, strict=True):
        row: dict[str, Any] = {
            "group": group.name,
            "seeds": len(a.seeds),
            "top1_percent": 100 * a.mean,
            "deviation_points": None if a.std is None else 100 * a.std,
            "top1_low_percent": 100 * a.low,
            "top1_high_percent": 100 * a.high,
            "mean_per_class_percent": 100 * comparison.study.mean_per_class(group),
            "test_images": len(comparison.study.paths),
        }
        for name in ("attention", "backbone", "gate", "shots", "train_fraction"):
            row[name] = group.settings.get(name)
        contrast = by_group.get(group.name)
        if contrast:
            found = contrast.found
            row |= {
                "baseline": contrast.baseline,
                "difference_points": 100 * found.mean,
                "difference_low_points": 100 * found.low,
                "difference_high_points": 100 * found.high,
                "p_value": found.p_value,
                "corrected_p": contrast.corrected_p,
                "detectable_points": None
                if contrast.detectable is None
                else 100 * contrast.detectable,
                "verdict": contrast.verdict,
            }
        rows.append(row)
    columns = list(dict.fromkeys(column for row in rows for column in row))
    write_csv(path, columns, rows, for_people=True)


def write_record(path: Path, comparison: Comparison) -> None:
    """Writes `record` as a JSON file."""
    write_json(path, record(comparison))


def record(comparison: Comparison) -> dict[str, Any]:
    """Returns all results of a comparison as JSON values; all numbers are fractions.

    It includes where each group fails, with the paths of example images.
    """
    study = comparison.study
    groups = []
    for group, accuracy in zip(study.groups, comparison.accuracies, strict=True):
        groups.append(
            {
                "name": group.name,
                "settings": group.settings,
                "seeds": group.seeds,
                "runs": [str(run.directory) for parts in group.runs for run in parts],
                "accuracy": asdict(accuracy),
                "mean_per_class": study.mean_per_class(group),
                "failures": asdict(find_failures(study, group)),
            }
        )
    content = {
        "test_images": len(study.paths),
        "classes": len(set(study.labels.tolist())),
        "level": LEVEL,
        "power": POWER,
        "baseline": comparison.baseline,
        "groups": groups,
        "contrasts": [asdict(c) | {"sentence": c.sentence} for c in comparison.contrasts],
        "learning_curves": [asdict(curve) for curve in learning_curves(comparison)],
        "notes": comparison.notes,
    }
    return _plain(content)


def _plain(value: Any) -> Any:
    """Returns a value as JSON values, with None for NaN and infinity, which JSON lacks."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
