"""Tables of where a group fails: classes, pairs of classes, calibration, coverage."""

from collections.abc import Iterable, Sequence

from fgmix.comparison.failures import Failures
from fgmix.comparison.table import Table, interval, percent

SHOWN = 10
"""Classes and pairs of classes that a table lists."""


def failure_tables(failures: Failures) -> list[Table]:
    """Where a group fails: classes, pairs of classes, calibration, coverage."""
    return [
        _class_table(failures),
        _confusion_table(failures),
        _selective_table(failures),
        _reliability_table(failures),
    ]


def _rows(cells: Iterable[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(row) for row in cells)


def _class_table(failures: Failures) -> Table:
    rows = _rows(
        (
            c.name,
            c.taken_for and f"{c.taken_for} ({c.taken_share:.0%})",
            str(c.photos),
            percent(c.accuracy, 1),
            interval(c.lowest, c.highest, ".0f"),
        )
        for c in failures.classes[:SHOWN]
    )
    title = f"least recognised classes of {failures.group}, %"
    head = ("class", "mostly taken for", "photos", "recognised", "lowest to highest")
    perfect = sum(c.accuracy == 1 for c in failures.classes)
    note = (
        f"{len(failures.classes)} classes, mean {percent(failures.mean_per_class)} %, "
        f"{perfect} always recognised."
    )
    return Table(title, head, rows, 2, note)


def _confusion_table(failures: Failures) -> Table:
    rows = _rows(
        (
            f"{c.first} as {c.second}",
            f"{c.first_as_second:.1f} of {c.photos[0]}",
            f"{c.second_as_first:.1f} of {c.photos[1]}",
            c.first_examples[0] if c.first_examples else "",
        )
        for c in failures.confusions[:SHOWN]
    )
    head = ("pair", "photos", "the other way", "an example")
    return Table(f"most confused pairs of {failures.group}", head, rows)


def _selective_table(failures: Failures) -> Table:
    rows = _rows(
        (
            f"{s.coverage:.0%}",
            percent(s.accuracy),
            "" if s.deviation is None else percent(s.deviation),
        )
        for s in failures.selective
    )
    head = ("surest answers", "right", "sd")
    return Table(f"if only the surest answers of {failures.group} are given, %", head, rows)


def _reliability_table(failures: Failures) -> Table:
    rows = _rows(
        (
            interval(b.low, b.high, ".0f"),
            f"{b.answers:,}",
            percent(b.confidence, 1),
            percent(b.accuracy, 1),
        )
        for b in failures.reliability
        if b.answers
    )
    error = f"{percent(failures.calibration_error)} points"
    if failures.calibration_deviation is not None:
        error += f" (sd {percent(failures.calibration_deviation)})"
    head = ("confidence", "answers", "mean confidence", "right")
    note = f"Expected calibration error: {error}."
    return Table(f"calibration of {failures.group}, %", head, rows, 1, note)
