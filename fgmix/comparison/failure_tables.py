"""Tables of where a group fails: classes, pairs of classes, calibration, coverage."""

from fgmix.comparison.failures import Failures
from fgmix.tables import Table, interval, mean_count, percent, without_empty

SHOWN = 10
"""The most classes or pairs of classes in a table."""


def failure_tables(failures: Failures) -> list[Table]:
    """Returns tables of classes, pairs of classes, coverage and calibration."""
    return [
        _class_table(failures),
        _confusion_table(failures),
        _selective_table(failures),
        _reliability_table(failures),
    ]


def _class_table(failures: Failures) -> Table:
    rows = [
        (
            c.name,
            c.taken_for and f"{c.taken_for} ({c.taken_share:.0%})",
            str(c.images),
            percent(c.accuracy, 1),
            "" if failures.single else interval(c.lowest, c.highest, ".0f"),
        )
        for c in failures.classes[:SHOWN]
    ]
    title = f"least recognised classes of {failures.group}, %"
    head = ("class", "mostly taken for", "photos", "recognised", "lowest to highest")
    perfect = sum(c.accuracy == 1 for c in failures.classes)
    note = (
        f"{len(failures.classes)} classes, mean {percent(failures.mean_per_class)} %, "
        f"{perfect} always recognised."
    )
    return Table(title, *without_empty(head, rows), head[:2], note)


def _confusion_table(failures: Failures) -> Table:
    rows = tuple(
        (
            f"{c.first} as {c.second}",
            f"{mean_count(c.first_as_second, failures.single)} of {c.images[0]}",
            f"{mean_count(c.second_as_first, failures.single)} of {c.images[1]}",
            c.first_examples[0] if c.first_examples else "",
        )
        for c in failures.confusions[:SHOWN]
    )
    head = ("pair", "photos", "the other way", "an example")
    words = ("pair", "an example")
    return Table(f"most confused pairs of {failures.group}", head, rows, words)


def _selective_table(failures: Failures) -> Table:
    rows = [
        (
            f"{percent(s.coverage, 0)} %",
            percent(s.accuracy),
            "" if s.std is None else percent(s.std),
        )
        for s in failures.selective
    ]
    head = ("surest answers", "right", "sd")
    title = f"if only the surest answers of {failures.group} are given, %"
    return Table(title, *without_empty(head, rows))


def _reliability_table(failures: Failures) -> Table:
    rows = tuple(
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
    if failures.calibration_std is not None:
        error += f" (sd {percent(failures.calibration_std)})"
    head = ("confidence", "answers", "mean confidence", "right")
    note = f"Expected calibration error: {error}."
    return Table(f"calibration of {failures.group}, %", head, rows, head[:1], note)
