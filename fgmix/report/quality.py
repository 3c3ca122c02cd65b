"""The section "How good is it?"."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fgmix.comparison.baselines import DEFAULT_BASELINE
from fgmix.comparison.contrasts import Comparison
from fgmix.comparison.failures import Failures
from fgmix.comparison.plots import draw_comparison
from fgmix.comparison.statistics import Accuracy
from fgmix.comparison.study import Group, Study
from fgmix.evaluation.metrics import name_of_top5
from fgmix.report.charts import Chart, make_chart
from fgmix.report.tables import PageTable, make_table
from fgmix.tables import interval, percent, without_empty


@dataclass(frozen=True)
class Quality:
    """The section's content.

    Attributes:
        accuracy: The accuracy of the group in focus, in percent.
        verdict: The accuracy in a sentence.
        meaning: How to understand it, one sentence each.
        table: One row per group.
        chart: Accuracies, and differences if there are any.
    """

    accuracy: str
    verdict: str
    meaning: tuple[str, ...]
    table: PageTable
    chart: Chart


def describe_quality(comparison: Comparison, focus: Group, failures: Sequence[Failures]) -> Quality:
    """Returns the section on how good the groups are.

    Args:
        comparison: The runs.
        focus: The group that the page is about.
        failures: The failures of each group, in the study's order.
    """
    study = comparison.study
    number = study.groups.index(focus)
    accuracy = comparison.accuracies[number]
    who = "It" if len(study.groups) == 1 else f"It ({focus.name})"
    verdict = (
        f"{who} predicts the correct class for {percent(accuracy.mean, 1)} % of "
        f"{len(study.paths):,} {_split(focus)} photos "
        f"(95 % interval {interval(accuracy.low, accuracy.high)} %)."
    )
    return Quality(
        percent(accuracy.mean, 1),
        verdict,
        _meaning(study, focus, accuracy),
        _table(comparison, failures),
        _chart(comparison),
    )


def _meaning(study: Study, focus: Group, accuracy: Accuracy) -> tuple[str, ...]:
    counts = np.bincount(study.labels)
    classes = int((counts > 0).sum())
    told = []
    if len(study.groups) > 1:
        told.append(
            f"Throughout this page, “it” is {focus.name}, which was not chosen by its accuracy; "
            f"--group chooses another."
        )
        attentions = {group.settings["attention"] for group in study.groups}
        if DEFAULT_BASELINE in attentions and len(attentions) > 1:
            told.append(f"“{DEFAULT_BASELINE}” is the network without attention.")
    told.append(
        f"There are {classes} classes: always predicting the most common one would reach "
        f"{percent(counts.max() / counts.sum(), 1)} %."
    )
    count = len(focus.runs[0])
    folds = f", trained once for each of {count} folds" if count > 1 else ""
    if accuracy.std is None:
        told.append(
            f"It comes from one seed{folds}: the interval covers the choice of photos alone, and "
            f"the accuracy of another seed may differ."
        )
    else:
        told.append(
            f"It is the mean of {len(accuracy.seeds)} seeds{folds}; they range from "
            f"{percent(min(accuracy.seeds), 1)} to {percent(max(accuracy.seeds), 1)} %. The "
            f"interval treats both photos and seeds as random samples."
        )
    return tuple(told)


def _split(group: Group) -> str:
    return "test" if group.settings.get("folds") is None else "held-out"


def _table(comparison: Comparison, failures: Sequence[Failures]) -> PageTable:
    rows = []
    measured = zip(comparison.study.groups, comparison.accuracies, failures, strict=True)
    for group, a, failed in measured:
        top5 = _mean_metric(group, "top5")
        rows.append(
            (
                group.name,
                percent(a.mean),
                interval(a.low, a.high),
                str(len(a.seeds)),
                "" if a.std is None else percent(a.std),
                "" if top5 is None else percent(top5),
                percent(failed.mean_per_class),
            )
        )
    counted = name_of_top5(comparison.study.groups[0].runs[0][0].data["num_classes"])
    columns = ("group", "top-1", "95 % interval", "seeds", "sd", counted, "mean per class")
    meanings = {
        "top-1": "the most likely class is correct",
        "sd": "standard deviation between seeds",
        counted: f"the correct class is among the {counted.removeprefix('top-')} most likely",
        "mean per class": "all classes have the same weight, however many photos they have",
    }
    head, filled = without_empty(columns, rows)
    note = " ".join(f"{name}: {text}." for name, text in meanings.items() if name in head)
    return make_table("accuracies", "accuracy on the same photos, %", head, filled, note=note)


def _mean_metric(group: Group, name: str) -> float | None:
    """Returns a recorded metric, mean over seeds, with folds weighted by their images."""
    runs = [run for parts in group.runs for run in parts]
    values = [value for run in runs if isinstance(value := run.metrics.get(name), float)]
    if len(values) < len(runs):
        return None
    return float(np.average(values, weights=[len(run.paths) for run in runs]))


def _chart(comparison: Comparison) -> Chart:
    names = [group.name for group in comparison.study.groups]
    found = "; ".join(
        f"{name} {percent(a.mean, 1)} % ({interval(a.low, a.high)})"
        for name, a in zip(names, comparison.accuracies, strict=True)
    )
    caption = "Diamonds are accuracies, lines their 95 % intervals."
    if any(a.std is not None for a in comparison.accuracies):
        caption = "Diamonds are means, lines their 95 % intervals, dots single seeds."
    if comparison.contrasts:
        caption += (
            " Below, each group minus its baseline: a line that crosses zero shows no difference. "
            "Grey ticks mark the true difference that would have been shown four times out of "
            "five. Orange: shown, after correction for the number of comparisons."
        )
    return make_chart(
        "accuracy-chart",
        lambda: draw_comparison(comparison, stacked=True),
        f"Top-1 accuracies with 95 % intervals: {found}.",
        caption,
    )
