"""A grid's results over its seeds, entry by entry, beside the paper's."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fgmix.comparison.published import BASE_MODELS, PUBLISHED, method_name
from fgmix.comparison.statistics import mean_and_std
from fgmix.grid.plan import Cell
from fgmix.grid.state import State
from fgmix.models.choices import GATES


@dataclass(frozen=True)
class Entry:
    """One entry of Table II: a data set, a backbone and a method, over its seeds.

    Attributes:
        dataset: As given to `--dataset`.
        backbone: Registry name.
        attention: Registry name.
        gate: The gate of its spatial attention, `""` if it has none.
        top1: The accuracy of each finished seed, in percent.
        planned: The number of planned seeds.
        failed: The number of failed seeds.
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
        """Its row of the table."""
        return method_name(self.attention, self.gate)

    @property
    def paper(self) -> float | None:
        """The paper's value in percent; None if it has none."""
        published = PUBLISHED.get(self.dataset)
        if published is None or self.gate not in ("", GATES[0]):
            return None
        return published.top1.get((BASE_MODELS.get(self.backbone, ""), self.attention))

    @property
    def mean(self) -> float | None:
        """The mean over the finished seeds in percent; None if there are none."""
        return mean_and_std(self.top1)[0] if self.top1 else None

    @property
    def std(self) -> float | None:
        """Sample standard deviation over the finished seeds, from two on."""
        return mean_and_std(self.top1)[1] if self.top1 else None

    def ours(self) -> str:
        """Returns our value as text, with the number of seeds if some are missing."""
        if self.mean is None:
            return "failed" if self.failed else "not run"
        text = f"{self.mean:.2f}"
        if self.std is not None:
            text += f" ± {self.std:.2f}"
        if len(self.top1) < self.planned:
            text += f" ({len(self.top1)} of {self.planned} seeds)"
        return text

    def row(self) -> dict[str, Any]:
        """Returns the entry as a row of `table2.csv`."""
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
    """Returns the entries of a grid: its cells grouped over their seeds, in the grid's order."""
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
    """Returns whether every epoch of a run was evaluated on the test images."""
    history = cell.history()
    return bool(history) and all(row.get("test_loss") for row in history)


def has_papers_data(dataset: str, cells: Iterable[Cell]) -> bool:
    """Returns whether the runs have the paper's numbers of images and classes."""
    published = PUBLISHED.get(dataset)
    records = [data for cell in cells if cell.config.dataset == dataset and (data := cell.data())]
    return published is not None and all(
        (data["num_images"], data["num_classes"]) == (published.images, published.classes)
        for data in records
    )
