"""Tables I and II of the paper as Markdown, with our numbers beside the paper's."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from fgmix.comparison.published import BASE_MODELS, PUBLISHED, TABLE_ONE
from fgmix.config.choices import NAMED_WEIGHTS
from fgmix.grid.plan import Cell
from fgmix.grid.state import State
from fgmix.models.choices import GATES
from fgmix.reproduction.summary import entries, has_papers_data, has_test_curve
from fgmix.runs.record import comparable_fingerprints
from fgmix.tables import markdown_table

NOTHING = "–"


def table_two(states: Mapping[Cell, State]) -> str:
    """Returns Table II with the paper's value and ours in each entry, and notes."""
    grid = entries(states)
    columns = list(dict.fromkeys((e.dataset, e.backbone) for e in grid))
    by_place = {(e.method, e.dataset, e.backbone): e for e in grid}
    heads = [f"{set_title(d)}, {b}: {who}" for d, b in columns for who in ("paper", "ours")]
    lines = [
        "# Table II: test accuracy (top-1 %)",
        "",
        "*paper*: as printed there, of one run. *ours*: mean ± sample standard deviation over "
        "seeds, after the last epoch; the test photos are not used for any choice.",
        "",
    ]
    rows = []
    for method in dict.fromkeys(e.method for e in grid):
        row = [method]
        for column in columns:
            entry = by_place.get((method, *column))
            paper = entry.paper if entry else None
            row.append(NOTHING if paper is None else f"{paper:.4f}")
            row.append(entry.ours() if entry else NOTHING)
        rows.append(row)
    table = markdown_table(["method", *heads], rows, [True] * (len(heads) + 1))
    return "\n".join([*lines, table, "", *_notes(states)]) + "\n"


def table_one(states: Mapping[Cell, State]) -> str:
    """Returns Table I, with our values beside the paper's and its cited rows marked."""
    aircraft = {c: s for c, s in states.items() if c.config.dataset == "aircraft"}
    ours = {
        (BASE_MODELS.get(e.backbone), e.attention): e.ours()
        for e in entries(aircraft)
        if e.gate in ("", GATES[0])
    }
    rows = []
    for row in TABLE_ONE:
        own, notes = NOTHING, [row.note] if row.note else []
        if row.attention is None:
            notes.insert(0, "cited by the paper, not run here")
        else:
            own = ours.get((row.base, row.attention), "not run")
        rows.append([row.method, row.base, f"{row.top1:.1f}", own, "; ".join(notes)])
    head = ("method", "base model", "paper", "ours", "")
    lines = [
        "# Table I: FGVC-Aircraft without extra annotation (top-1 %)",
        "",
        markdown_table(head, rows, [True] * len(head)),
        "",
        *_notes(aircraft),
    ]
    return "\n".join(lines).rstrip() + "\n"


def set_title(dataset: str) -> str:
    """Returns a data set's name in the paper, or its own."""
    return PUBLISHED[dataset].title if dataset in PUBLISHED else Path(dataset).name


def _notes(states: Mapping[Cell, State]) -> Sequence[str]:
    """Returns notes on differences from the paper: data, settings, weights, failures."""
    notes: list[str] = []
    for name in dict.fromkeys(cell.config.dataset for cell in states):
        own = [c for c, s in states.items() if c.config.dataset == name and s.status != "failed"]
        notes += _data_notes(name, own)
    settings = dict.fromkeys(_settings(c) for c in states)
    notes += [f"- Trained with {text}." for text in settings]
    weights = {c.config.backbone: c.config.weights for c in states}
    random = [backbone for backbone, value in weights.items() if value == "none"]
    if random:
        notes.append(f"- **From random weights, not ImageNet's: {', '.join(random)}.**")
    notes += [
        f"- {backbone} starts from the file {Path(value).name}."
        for backbone, value in weights.items()
        if value not in NAMED_WEIGHTS
    ]
    without = [
        cell.title
        for cell, state in states.items()
        if cell.config.monitor_test and state.status == "finished" and not has_test_curve(cell)
    ]
    if without:
        notes.append(
            f"- Missing in Fig. 2, because trained without --monitor-test: {'; '.join(without)}."
        )
    notes += [
        f"- Failed: {cell.title}: {state.reason}"
        for cell, state in states.items()
        if state.status == "failed"
    ]
    return notes


def _settings(cell: Cell) -> str:
    """Returns the settings of a cell that the table's rows and columns do not show."""
    config = cell.config
    shown = {"recipe": config.recipe, "epochs": config.epochs} | config.departures()
    apart = ("weights", "gate")
    return " ".join(
        f"--{name.replace('_', '-')} {value}" for name, value in shown.items() if name not in apart
    )


def _data_notes(name: str, cells: Sequence[Cell]) -> list[str]:
    records = [data for cell in cells if (data := cell.data())]
    if not records:
        return []
    if len(set(comparable_fingerprints(records))) > 1:
        return [
            f"- **{name}: the runs were not trained on the same photos and can't be compared.**"
        ]
    images, classes = records[0]["num_images"], records[0]["num_classes"]
    note = f"- {set_title(name)}: {_counts(images)} photos of {classes} classes."
    published = PUBLISHED.get(name)
    if published and not has_papers_data(name, cells):
        note += (
            f" **The paper's has {_counts(published.images)} photos of {published.classes}: not "
            f"comparable with its numbers.**"
        )
    return [note]


def _counts(images: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {split}" for split, count in images.items())
