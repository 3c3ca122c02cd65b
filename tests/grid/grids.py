"""Small grids for tests."""

from pathlib import Path

from fgmix.config.train_config import TrainConfig
from fgmix.grid.plan import Cell, plan_grid


def small_grid(runs: Path, **changes) -> list[Cell]:
    """Two attentions and two seeds on one of the paper's backbones."""
    settings = {
        "datasets": ["cars"],
        "backbones": ["resnet50"],
        "attentions": ["none", "mixed"],
        "gates": ["linear"],
        "seeds": 2,
        "weights": {},
        "runs": runs,
    } | changes
    own = {name: settings.pop(name) for name in ("image_size", "data_dir") if name in settings}
    base = TrainConfig(dataset=settings["datasets"][0], weights="none", epochs=2, **own)
    return plan_grid(base, **settings)
