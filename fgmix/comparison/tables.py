"""The tables of a comparison: accuracies, differences, learning curves, seeds needed."""

from fgmix.comparison.contrasts import Comparison, Target
from fgmix.comparison.learning import learning_curves
from fgmix.comparison.power import MOST_SEEDS, POWER
from fgmix.comparison.statistics import LEVEL
from fgmix.tables import Table, interval, p_in_words, percent, points, without_empty


def comparison_tables(comparison: Comparison) -> list[Table]:
    """Returns all tables of a comparison."""
    tables = [_accuracies(comparison)]
    if comparison.contrasts:
        tables.append(_differences(comparison))
    tables += _learning(comparison)
    if comparison.contrasts:
        tables.append(_targets(comparison))
    return tables


def _accuracies(comparison: Comparison) -> Table:
    study = comparison.study
    rows = [
        (
            group.name,
            str(len(a.seeds)),
            percent(a.mean),
            "" if a.std is None else percent(a.std),
            interval(a.low, a.high),
            interval(min(a.seeds), max(a.seeds)) if a.std is not None else "",
            percent(study.mean_per_class(group)) if study.unequal else "",
        )
        for group, a in zip(study.groups, comparison.accuracies, strict=True)
    ]
    mean = "mean" if any(a.std is not None for a in comparison.accuracies) else "top-1"
    head = ("group", "seeds", mean, "sd", "95 % interval", "lowest to highest", "mean per class")
    return Table("top-1 accuracy, %", *without_empty(head, rows))


def _differences(comparison: Comparison) -> Table:
    many = len(comparison.contrasts) > 1
    rows = []
    for c in comparison.contrasts:
        row = [c.group]
        row += [points(c.found.mean), interval(c.found.low, c.found.high, "+.2f")]
        row += [p_in_words(c.found.p_value), *([p_in_words(c.corrected_p)] * many)]
        row += ["nothing" if c.detectable is None else percent(c.detectable), c.verdict]
        rows.append(tuple(row))
    corrected = ("corrected p",) * many
    head = ("group", "difference", "95 % interval", "p", *corrected, "detectable", "verdict")
    level = f"{LEVEL} / {len(comparison.contrasts)}" if many else f"{LEVEL}"
    notes = ["p: how often chance alone gives a difference as large as this."]
    if many:
        notes.append(f"corrected p: Holm's, for {len(comparison.contrasts)} comparisons.")
    notes.append(
        f"detectable: the smallest true difference that would have been shown with probability "
        f"{percent(POWER, 0)} % at level {level}."
    )
    title = f"against {comparison.baseline}, points"
    return Table(title, head, tuple(rows), ("group", "verdict"), " ".join(notes))


def _learning(comparison: Comparison) -> list[Table]:
    curves = learning_curves(comparison)
    if not curves:
        return []
    amounts = {
        point.amount: point.images
        for curve in curves
        for point in sorted(curve.points, key=lambda point: point.images)
    }
    order = sorted(amounts, key=amounts.__getitem__)
    rows = []
    for curve in curves:
        cells = {
            point.amount: f"{percent(point.accuracy.mean, 1)} "
            f"({interval(point.accuracy.low, point.accuracy.high)})"
            for point in curve.points
        }
        rows.append((curve.name, *(cells.get(amount, "") for amount in order)))
    note = "The 95 % interval is in brackets."
    return [Table("learning curves: top-1 accuracy, %", ("", *order), tuple(rows), ("",), note)]


def _targets(comparison: Comparison) -> Table:
    rows = tuple(
        (c.group, t.source, points(t.difference), _need(t))
        for c in comparison.contrasts
        for t in c.targets
    )
    level = comparison.contrasts[0].level
    note = (
        f"seeds needed: per group, to show a true difference of that size with probability "
        f"{percent(POWER, 0)} % at level {level:.2g}, if photos and seeds vary as here."
    )
    if any(t.need and t.need.images for c in comparison.contrasts for t in c.targets):
        note += (
            f" No number: on these {len(comparison.study.paths):,} photos no number of seeds is "
            f"enough; even infinitely many need more than the given number of photos."
        )
    head = ("group", "difference to show", "points", "seeds needed")
    return Table("seeds needed to show more", head, rows, head[:2], note)


def _need(target: Target) -> str:
    if target.need is None:
        return "unknown from these seeds"
    if target.need.images is not None:
        return f"no number (over {_rounded(target.need.images)} photos)"
    if target.need.seeds is None:
        return f"more than {MOST_SEEDS:,}"
    return f"{target.need.seeds:,}"


def _rounded(number: int) -> str:
    """Returns a number rounded to two significant digits."""
    digits = max(0, len(str(number)) - 2)
    return f"{round(number, -digits):,}"
