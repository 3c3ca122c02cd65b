"""The cells of the grid: which runs an experiment is made of, and how far each has come."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fgmix.errors import FgmixError
from fgmix.files import is_empty, read_csv
from fgmix.models.attention import ATTENTIONS
from fgmix.models.backbones import BACKBONES
from fgmix.models.choices import GATED, GATES
from fgmix.training.config import TrainConfig
from fgmix.training.run_folder import HISTORY, METRICS, changed_flags, read_record


@dataclass(frozen=True)
class Cell:
    """One run of the grid.

    Attributes:
        config: Its resolved config; `run_dir` tells where it lies.
    """

    config: TrainConfig

    @property
    def directory(self) -> Path:
        """The run's folder."""
        return Path(self.config.run_dir)

    @property
    def gate(self) -> str:
        """The gate of its spatial attention, `""` where it has none."""
        return self.config.gate if self.config.attention in GATED else ""

    @property
    def title(self) -> str:
        """The cell in words: `cars, resnet50_torch, mixed, gate linear, seed 0`."""
        c = self.config
        parts = [c.dataset_name, c.backbone, c.attention, self.gate and f"gate {self.gate}"]
        return ", ".join(part for part in [*parts, f"seed {c.seed}"] if part)

    def metrics(self) -> dict[str, Any] | None:
        """The final evaluation of a finished run, or None."""
        try:
            return json.loads((self.directory / METRICS).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def history(self) -> list[dict[str, str]]:
        """The epochs so far."""
        try:
            return read_csv(self.directory / HISTORY)
        except OSError:
            return []

    def data(self) -> dict[str, Any] | None:
        """What the run recorded of its photos."""
        record = read_record(self.directory)
        return record["data"] if record else None

    def begun(self) -> bool:
        """Whether there is something to go on with."""
        return self.directory.is_dir() and not is_empty(self.directory)

    def refusal(self) -> str | None:
        """Why the finished run in the cell's folder is not the cell's, if it is not."""
        record = read_record(self.directory)
        changed = changed_flags(record["config"], self.config) if record else []
        if not changed:
            return None
        return (
            f"{self.directory} was trained with other settings ({'; '.join(changed)}): "
            f"remove it, or give another --runs"
        )


def plan_grid(
    base: TrainConfig,
    *,
    datasets: Sequence[str],
    backbones: Sequence[str],
    attentions: Sequence[str],
    gates: Sequence[str],
    seeds: int,
    weights: dict[str, str],
    runs: Path,
) -> list[Cell]:
    """Lays out the grid, one seed of everything after the other.

    So a grid that is stopped half-way holds whole comparisons.

    Args:
        base: What all cells share.
        datasets: Names or folders.
        backbones: Registry names.
        attentions: Registry names.
        gates: Tried on the attentions that have one; the others run once.
        seeds: How many, from 0.
        weights: By backbone, where they are not what `base` says.
        runs: The folder that the runs' folders lie in.

    Raises:
        FgmixError: If a name is unknown or given twice, or two cells would be one run.
    """
    _check("--dataset", datasets, None)
    _check("--backbones", backbones, BACKBONES)
    _check("--attentions", attentions, ATTENTIONS)
    _check("--gates", gates, GATES)
    if weights:
        _check("--weights", list(weights), backbones)
    if seeds < 1:
        raise FgmixError(f"--seeds {seeds}: must be at least 1")
    cells = []
    for seed in range(seeds):
        for dataset in datasets:
            for backbone in backbones:
                for attention in attentions:
                    for gate in gates if attention in GATED else gates[:1]:
                        config = replace(
                            base,
                            dataset=dataset,
                            backbone=backbone,
                            attention=attention,
                            gate=gate if attention in GATED else GATES[0],
                            seed=seed,
                            weights=weights.get(backbone, base.weights),
                        ).resolve()
                        place = str(runs / Path(config.run_dir).name)
                        cells.append(Cell(replace(config, run_dir=place)))
    return cells


def _check(flag: str, values: Sequence[str], known: Any) -> None:
    if not values:
        raise FgmixError(f"{flag}: give at least one")
    for value in values:
        if known is not None and value not in known:
            raise FgmixError(f"{flag} {value}: choose from {', '.join(known)}")
    if len(set(values)) < len(values):
        raise FgmixError(f"{flag} {','.join(values)}: one is named twice")
