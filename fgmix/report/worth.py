"""The section "Is the attention worth it?"."""

from dataclasses import dataclass

from fgmix.comparison.contrasts import BETTER, NOT_SHOWN, WORSE, Comparison
from fgmix.comparison.learning import learning_curves
from fgmix.comparison.output import verdicts
from fgmix.comparison.plots import draw_learning_curves
from fgmix.comparison.power import POWER
from fgmix.comparison.tables import comparison_tables
from fgmix.report.charts import Chart, make_chart
from fgmix.report.tables import PageTable, page_table
from fgmix.tables import percent

NOTHING_TO_COMPARE = (
    "Not known: there is nothing to compare with. To see the effect of the attention, train with "
    "--attention none too, several seeds of each, and make a report on both."
)
NO_BASELINE = "Not known: no group has a baseline with otherwise the same settings."


@dataclass(frozen=True)
class Worth:
    """The section's content.

    Attributes:
        question: Its heading.
        verdict: The answer, in one or two sentences.
        sentences: One verdict per contrast, if there are several.
        tables: Differences, learning curves, seeds needed.
        chart: The learning curves, if there are any.
    """

    question: str
    verdict: str
    sentences: tuple[str, ...]
    tables: tuple[PageTable, ...]
    chart: Chart | None


def describe_worth(comparison: Comparison) -> Worth:
    """Returns the section on the differences between groups."""
    groups = comparison.study.groups
    question = "Is the attention worth it?"
    if len(groups) > 1 and len({group.settings["attention"] for group in groups}) == 1:
        question = "Is one better than the other?"
    # The first table, of accuracies, is in the section above.
    tables = comparison_tables(comparison)[1:]
    return Worth(
        question,
        _verdict(comparison),
        tuple(verdicts(comparison)) if len(comparison.contrasts) > 1 else (),
        tuple(page_table(f"worth-{i}", table) for i, table in enumerate(tables)),
        _chart(comparison),
    )


def _verdict(comparison: Comparison) -> str:
    contrasts = comparison.contrasts
    if not contrasts:
        return NOTHING_TO_COMPARE if len(comparison.study.groups) == 1 else NO_BASELINE
    baselines = {contrast.baseline for contrast in contrasts}
    against = _quoted(baselines.pop()) if len(baselines) == 1 else "their baselines"
    shown = []
    for verdict in (BETTER, WORSE):
        found = [c for c in contrasts if c.verdict == verdict]
        if found:
            are = "is" if len(found) == 1 else "are"
            names = _listed([c.group for c in found])
            provisos = "".join(dict.fromkeys(c.proviso for c in found))
            shown.append(f"{names} {are} shown to be {verdict} than {against}{provisos}")
    open_ = [c for c in contrasts if c.verdict == NOT_SHOWN]
    sentences = []
    if shown:
        sentences.append(f"{'; '.join(shown)}.")
        if open_:
            sentences.append(
                f"No difference between {_listed([c.group for c in open_])} and {against} is shown."
            )
    elif len(contrasts) == 1:
        sentences.append(
            f"No difference between {_quoted(contrasts[0].group)} and {against} is shown."
        )
    else:
        sentences.append(f"None of the {len(contrasts)} groups is shown to differ from {against}.")
    if open_:
        sentences.append(_power(open_))
    if all(c.found.of_runs for c in contrasts):
        sentences.append(
            "Each group has one seed, so this is about these trained models, not their settings."
        )
    return " ".join(sentences)


def _power(contrasts: list) -> str:
    """Returns a sentence on the differences that would have been detected."""
    sizes = sorted(c.detectable for c in contrasts if c.detectable is not None)
    if not sizes:
        reasons = dict.fromkeys(c.why_none for c in contrasts)
        return f"This does not prove that there is none: {'; '.join(reasons)}."
    lowest, highest = percent(sizes[0], 1), percent(sizes[-1], 1)
    size = lowest if lowest == highest else f"{lowest} to {highest}"
    return (
        f"This does not prove that there is none: only a true difference of {size} points or more "
        f"would have been shown {percent(POWER, 0)} % of the time."
    )


def _quoted(name: str) -> str:
    """Returns a group's name in quotes, because `none` would read as a word."""
    return f"“{name}”"


def _listed(groups: list[str]) -> str:
    names = [_quoted(name) for name in groups]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _chart(comparison: Comparison) -> Chart | None:
    curves = learning_curves(comparison)
    if not curves:
        return None
    found = "; ".join(
        f"{curve.name}: "
        + ", ".join(f"{percent(p.accuracy.mean, 1)} % with {p.amount}" for p in curve.points)
        for curve in curves
    )
    return make_chart(
        "learning-chart",
        lambda: draw_learning_curves(curves),
        f"Top-1 accuracy by training photos per class. {found}.",
        "Accuracy by the number of training photos per class, with 95 % intervals.",
    )
