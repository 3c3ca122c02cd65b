"""The section "How was it trained?"."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fgmix.comparison.names import ABSENT
from fgmix.comparison.study import Study
from fgmix.config.recipes import SETTINGS, WITHIN
from fgmix.data.dataset import CONTENT
from fgmix.errors import FgmixError
from fgmix.evaluation.curves import draw_curves, measured_splits
from fgmix.report.charts import Chart, make_chart
from fgmix.report.tables import PageTable, make_table
from fgmix.runs.record import MODEL
from fgmix.tables import percent

SPLIT_NAMES = {"train": "training", "val": "validation", "test": "test", "fold": "held-out"}


@dataclass(frozen=True)
class Training:
    """The section's content.

    Attributes:
        summary: Data and seeds, one sentence each.
        settings: The settings that all groups share.
        differing: The settings in which they differ; None for one group.
        cost: Time and size of each group.
        charts: Loss and accuracy by epoch.
        no_charts: Why there are no charts, or `""`.
        versions: The library versions.
    """

    summary: tuple[str, ...]
    settings: PageTable
    differing: PageTable | None
    cost: PageTable
    charts: tuple[Chart, ...]
    no_charts: str
    versions: PageTable


def describe_training(study: Study) -> Training:
    """Returns the section on how the groups were trained."""
    names = list(dict.fromkeys(name for g in study.groups for name in g.settings))
    shared = [
        name
        for name in names
        if len({repr(g.settings.get(name, ABSENT)) for g in study.groups}) == 1
    ]
    histories: dict[str, list[list[dict[str, str]]]] = {}
    charts: tuple[Chart, ...] = ()
    no_charts = ""
    try:
        histories = {
            g.name: [r.run.history for parts in g.runs for r in parts] for g in study.groups
        }
        charts = _charts(histories)
    except (FgmixError, ValueError, KeyError) as error:
        no_charts = f"No curves: {error}."
    return Training(
        _summary(study),
        make_table(
            "settings",
            "shared settings" if len(study.groups) > 1 else "settings",
            ("setting", "value"),
            [(_flag(name), _value(study.groups[0].settings[name])) for name in shared],
            2,
        ),
        _differing(study, [name for name in names if name not in shared]),
        _cost(study, histories),
        charts,
        no_charts,
        _versions(study),
    )


def _summary(study: Study) -> tuple[str, ...]:
    first = study.groups[0].runs[0][0]
    images = ", ".join(
        f"{count:,} {SPLIT_NAMES.get(split, split)}"
        for split, count in first.data["num_images"].items()
    )
    amounts = {tuple(run.data["num_images"].items()) for run in study.runs}
    told = [
        f"{first.data['name']}: {first.data['num_classes']} classes, {images} photos"
        + (" (first run; others differ)." if len(amounts) > 1 else ".")
    ]
    few = [run.run for run in study.runs if run.run.trained_with is not run.run.config]
    if few:
        recipe, settings = few[0].config, few[0].trained_with
        named = ", ".join(
            f"{_flag(name)} {_value(getattr(settings, name))}"
            for name in SETTINGS
            if name not in (*WITHIN, "few_photos")
            and getattr(settings, name) != getattr(recipe, name)
        )
        told.append(
            f"Runs with fewer than {recipe.few_photos:,} training photos ({len(few)} of "
            f"{len(study.runs)}) took other settings than the recipe's: {named}."
        )
    skipped = first.data.get("skipped", [])
    if skipped:
        told.append(f"{len(skipped)} photos were skipped because they can't be read.")
    told.append(
        f"Fingerprint of the photos: {first.data['fingerprint'].removeprefix(CONTENT)[:16]}."
    )
    seeds = sorted({seed for group in study.groups for seed in group.seeds})
    told.append(f"Seeds: {', '.join(map(str, seeds))}.")
    return tuple(told)


def _flag(name: str) -> str:
    return name.replace("_", "-")


def _value(value: Any) -> str:
    if value is ABSENT:
        return "does not apply"
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _differing(study: Study, names: Sequence[str]) -> PageTable | None:
    if not names:
        return None
    rows = [
        (g.name, *(_value(g.settings.get(name, ABSENT)) for name in names)) for g in study.groups
    ]
    head = ("group", *map(_flag, names))
    return make_table("differing", "settings that differ", head, rows, len(head))


def _cost(study: Study, histories: dict[str, list[list[dict[str, str]]]]) -> PageTable:
    rows = []
    for group in study.groups:
        runs = [run for parts in group.runs for run in parts]
        epochs = [len(history) for history in histories.get(group.name, [])]
        minutes = [
            sum(float(row.get("seconds") or "nan") for row in history) / 60
            for history in histories.get(group.name, [])
        ]
        sizes = [
            (run.directory / MODEL).stat().st_size / 1e6
            for run in runs
            if (run.directory / MODEL).is_file()
        ]
        rows.append(
            (
                group.name,
                str(len(runs)),
                _range(epochs, ".0f"),
                _range(minutes, ".1f"),
                _range(sizes[:1], ".1f"),
            )
        )
    note = (
        "minutes: time in training epochs, from the fastest run to the slowest, on the machines of "
        "these runs under whatever other load they had. The model file is that of the first run."
    )
    head = ("group", "runs", "epochs", "minutes per run", "model file, MB")
    return make_table("cost", "training cost", head, rows, note=note)


def _range(values: Sequence[float], form: str) -> str:
    if not values or not np.isfinite(values).all():
        return ""
    low, high = f"{min(values):{form}}", f"{max(values):{form}}"
    return low if low == high else f"{low} to {high}"


def _charts(histories: dict[str, list[list[dict[str, str]]]]) -> tuple[Chart, ...]:
    several = max(len(runs) for runs in histories.values()) > 1
    found = []
    for split in measured_splits(histories):
        column = "accuracy" if split == "train" else f"{split}_accuracy"
        ends = "; ".join(
            f"{name} {percent(float(np.mean([float(run[-1][column]) for run in runs])), 1)} %"
            for name, runs in histories.items()
        )
        caption = f"On the {SPLIT_NAMES[split]} photos, by epoch."
        if several:
            caption += " Lines are means over runs; bands span the lowest to the highest."
        chart = make_chart(
            f"curves-{split}",
            lambda split=split: draw_curves("", histories, split, stacked=True),  # type: ignore[misc]
            f"Loss and accuracy on the {SPLIT_NAMES[split]} photos by epoch. At the end: {ends}.",
            caption,
        )
        found.append(chart)
    return tuple(found)


def _versions(study: Study) -> PageTable:
    runs = study.runs
    names = list(dict.fromkeys(name for run in runs for name in run.versions))
    rows = [
        (name, ", ".join(sorted({run.versions.get(name, "unknown") for run in runs})))
        for name in names
    ]
    return make_table("versions", "versions", ("package", "version"), rows, 2)
