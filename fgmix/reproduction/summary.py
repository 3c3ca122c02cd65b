"""A grid's results over its seeds, place by place, beside the paper's."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fgmix.comparison.published import BASE_MODELS, PUBLISHED, method_name
from fgmix.comparison.statistics import mean_and_std
from fgmix.models.choices import GATES
from fgmix.reproduction.grid import State
from fgmix.reproduction.plan import Cell


@dataclass(frozen=True)
class Entry:
    """One place of Table II: a data set, a backbone and a method, over its seeds.

    Attributes:
        dataset: As given to `--dataset`.
        backbone: Registry name.
        attention: Registry name.
        gate: Of its spatial attention, `""` where it has none.
        top1: Percent, of each finished seed.
        planned: How many seeds there are to be.
        failed: How many failed.
    """

    dataset: str
    backbone: str
    attention: str
    gate: str
    top1: tuple[float, ...]
    planned: int
    failed: int

    @property
    def method(self) -> str:
        """The row of the table that it stands in."""
        return method_name(self.attention, self.gate)

    @property
    def paper(self) -> float | None:
        """The paper's figure for it, percent."""
        published = PUBLISHED.get(self.dataset)
        if published is None or self.gate not in ("", GATES[0]):
            return None
        return published.top1.get((BASE_MODELS.get(self.backbone, ""), self.attention))

    @property
    def mean(self) -> float | None:
        """Mean over the finished seeds, percent."""
        return mean_and_std(self.top1)[0] if self.top1 else None

    @property
    def std(self) -> float | None:
        """Sample standard deviation over the finished seeds, from two on."""
        return mean_and_std(self.top1)[1] if self.top1 else None

    def ours(self) -> str:
        """Our figure in words, and what of it is not whole."""
        if self.mean is None:
            return "failed" if self.failed else "not run"
        text = f"{self.mean:.2f}"
        if self.std is not None:
            text += f" ± {self.std:.2f}"
        if len(self.top1) < self.planned:
            text += f" ({len(self.top1)} of {self.planned} seeds)"
        return text

    def row(self) -> dict[str, Any]:
        """The place as a row of `table2.csv`."""
        return {
            "dataset": self.dataset,
            "backbone": self.backbone,
            "attention": self.attention,
            "gate": self.gate,
            "paper_percent": self.paper,
            "mean_percent": self.mean,
            "standard_deviation_points": self.std,
            "finished": len(self.top1),
            "planned": self.planned,
            "failed": self.failed,
        }


def entries(states: Mapping[Cell, State]) -> list[Entry]:
    """Gathers the cells of a grid over their seeds, in the grid's order."""
    groups: dict[tuple[str, str, str, str], list[Cell]] = {}
    for cell in states:
        c = cell.config
        groups.setdefault((c.dataset, c.backbone, c.attention, cell.gate), []).append(cell)
    found = []
    for key, cells in groups.items():
        metrics = [cell.metrics() for cell in cells if states[cell].status == "finished"]
        top1 = tuple(100 * m["top1"] for m in metrics if m)
        failed = sum(states[cell].status == "failed" for cell in cells)
        found.append(Entry(*key, top1, len(cells), failed))
    return found


def has_test_curve(cell: Cell) -> bool:
    """Whether every epoch of a run was measured on the test photos."""
    history = cell.history()
    return bool(history) and all(row.get("test_loss") for row in history)


def has_papers_data(dataset: str, cells: Iterable[Cell]) -> bool:
    """Whether the runs were trained and tested on as many photos and classes as the paper's."""
    published = PUBLISHED.get(dataset)
    records = [data for cell in cells if cell.config.dataset == dataset and (data := cell.data())]
    return published is not None and all(
        (data["num_images"], data["num_classes"]) == (published.images, published.classes)
        for data in records
    )


def cell_row(cell: Cell, state: State) -> dict[str, Any]:
    """A cell as a row of `cells.csv`: how far it has come, its accuracy, why it failed."""
    c = cell.config
    measured = cell.metrics() if state.status == "finished" else None
    return {
        "dataset": c.dataset,
        "backbone": c.backbone,
        "attention": c.attention,
        "gate": cell.gate,
        "seed": c.seed,
        "status": state.status,
        "epochs": len(cell.history()),
        **{
            f"{name}_percent": 100 * measured[name] if measured else None
            for name in ("top1", "mean_per_class")
        },
        "run": cell.directory,
        "reason": state.reason,
    }
