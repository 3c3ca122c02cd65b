"""The cells of a grid: the runs of an experiment, and what their folders hold."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

from fgmix.config.choices import NAMED_WEIGHTS
from fgmix.config.identity import changes
from fgmix.config.train_config import TrainConfig
from fgmix.config.validation import check_before_training
from fgmix.data.sources.locations import default_data_dir
from fgmix.data.sources.registry import SOURCES, check_local, is_manifest, require_known
from fgmix.errors import FgmixError
from fgmix.files import is_empty
from fgmix.models.attention import ATTENTIONS
from fgmix.models.backbones.registry import BACKBONES, shown_name
from fgmix.models.choices import GATED, GATES
from fgmix.runs.run import Run


@dataclass(frozen=True)
class Cell:
    """One run of the grid.

    Attributes:
        config: Its resolved config, with its folder as `run_dir`.
        varied: The settings that the grid varies besides those that every title names.
    """

    config: TrainConfig
    varied: tuple[str, ...] = ()

    @property
    def directory(self) -> Path:
        """The run's folder."""
        return Path(self.config.run_dir)

    @property
    def gate(self) -> str:
        """The gate of its spatial attention, `""` if it has none."""
        return self.config.gate if self.config.attention in GATED else ""

    @property
    def title(self) -> str:
        """The cell in words: `cars, resnet50_torch, mixed, gate linear, seed 0`."""
        c = self.config
        parts = [
            c.dataset_name,
            shown_name(c.backbone),
            c.attention,
            self.gate and f"gate {self.gate}",
            *(f"{name} {getattr(c, name)}" for name in self.varied),
        ]
        return ", ".join(part for part in [*parts, f"seed {c.seed}"] if part)

    def metrics(self) -> dict[str, Any] | None:
        """Returns the final evaluation of a finished run, or None."""
        try:
            metrics = Run(self.directory).metrics
        except FgmixError:
            return None
        return metrics if "top1" in metrics else None

    def history(self) -> list[dict[str, str]]:
        """Returns the history of the epochs so far."""
        try:
            return Run(self.directory).history
        except FgmixError:
            return []

    def data(self) -> dict[str, Any] | None:
        """Returns the run's record of its images, or None."""
        try:
            return Run(self.directory).data
        except FgmixError:
            return None

    def begun(self) -> bool:
        """Returns whether the folder holds anything to resume."""
        return self.directory.is_dir() and not is_empty(self.directory)

    def refusal(self) -> str | None:
        """Returns why the content of the cell's folder is not its run; None if it is."""
        try:
            settings = Run(self.directory).record["config"]
        except FgmixError:
            return f"{self.directory} exists and is not a run: remove it, or give another --runs"
        changed = changes(settings, self.config)
        if changed:
            return (
                f"{self.directory} was trained with other settings ({'; '.join(changed)}): "
                f"remove it, or give another --runs"
            )
        before, now = (_place(c) for c in (settings, self.config.record()))
        if before != now:
            return (
                f"{self.directory} was trained on the photos of {before}, not of {now}: remove "
                f"it, or give another --runs"
            )
        return None


def plan_grid(
    base: TrainConfig,
    *,
    datasets: Sequence[str],
    backbones: Sequence[str | None],
    attentions: Sequence[str],
    gates: Sequence[str],
    seeds: int,
    weights: dict[str, str],
    runs: Path,
    recipes: Sequence[str | None] = (None,),
    shots: Sequence[int | None] = (None,),
    folds: int | None = None,
) -> list[Cell]:
    """Returns the cells of a grid, with the seed in the outermost loop, then the fold.

    An interrupted grid therefore holds complete comparisons.

    Args:
        base: The settings that all cells share.
        datasets: Names or folders.
        backbones: Registry names; None is the default of preset or base.
        attentions: Registry names.
        gates: The gates of attentions that have one; the others are trained once.
        seeds: The number of seeds, from 0.
        weights: The weights of single backbones; the others use those of `base`.
        runs: The parent folder of the runs.
        recipes: Names of recipes; None is the setting of `base`.
        shots: Numbers of training images of each class; None is the setting of `base`.
        folds: The number of folds, of which each is held out once; None for no folds.

    Raises:
        FgmixError: If a name is unknown or given twice, or two cells would share a folder.
    """
    _check("--dataset", datasets, None)
    for dataset in datasets:
        require_known(dataset, base.data_dir)
    _check("--backbones", backbones, BACKBONES)
    _check("--attentions", attentions, ATTENTIONS)
    _check("--gates", gates, GATES)
    _check("--recipes", recipes, None)
    _check("--shots", shots, None)
    if weights:
        _check("--weights", list(weights), backbones)
    if seeds < 1:
        raise FgmixError(f"--seeds {seeds}: must be at least 1")
    if folds is not None and folds < 2:
        raise FgmixError(f"--folds {folds}: must be at least 2")
    axes = {"recipe": recipes, "shots": shots, "fold": range(folds or 0)}
    varied = tuple(name for name, values in axes.items() if len(values) > 1)
    held_out: Sequence[int | None] = range(folds) if folds else [base.fold]
    cells = []
    for seed, fold, dataset, recipe, few, backbone, attention in product(
        range(seeds), held_out, datasets, recipes, shots, backbones, attentions
    ):
        for gate in gates if attention in GATED else gates[:1]:
            settings: dict[str, Any] = {
                "dataset": dataset,
                "recipe": recipe or base.recipe,
                "shots": few or base.shots,
                "folds": folds or base.folds,
                "fold": fold,
                "backbone": backbone,
                "attention": attention,
                "gate": gate if attention in GATED else GATES[0],
                "seed": seed,
                "weights": weights.get(backbone or "", base.weights),
            }
            config = replace(base, **settings).resolve()
            place = str(runs / Path(config.run_dir).name)
            cells.append(Cell(replace(config, run_dir=place), varied))
    for cell in cells:
        _check_backbone(cell.config)
    by_folder: dict[Path, Cell] = {}
    for cell in cells:
        other = by_folder.setdefault(cell.directory, cell)
        if other is not cell:
            raise FgmixError(
                f"{other.config.dataset} and {cell.config.dataset} would both be trained into "
                f"{cell.directory}: give one of them another name"
            )
    for config in {cell.config.dataset: cell.config for cell in cells}.values():
        check_local(
            config.dataset,
            config.data_dir,
            config.split_seed,
            config.columns,
            config.skip_bad_images,
        )
    return cells


def _place(config: dict[str, Any]) -> str:
    """Returns the folder of a run's images according to its config."""
    if config["dataset"] in SOURCES:
        return config["data_dir"] or str(default_data_dir(config["dataset"]).absolute())
    photos = config["data_dir"] if is_manifest(config["dataset"]) else None
    return f"{config['dataset']} in {photos}" if photos else config["dataset"]


def _check_backbone(config: TrainConfig) -> None:
    """Checks image size and weights against the backbone before anything is trained."""
    least = BACKBONES[config.backbone].min_size
    if config.image_size < least:
        raise FgmixError(
            f"--image-size {config.image_size} is too small for {config.backbone}: give at least "
            f"{least}"
        )
    if config.weights not in NAMED_WEIGHTS and not Path(config.weights).is_file():
        raise FgmixError(f"no weights file {config.weights} for {config.backbone}")
    check_before_training(config)


def _check(flag: str, values: Sequence[Any], known: Any) -> None:
    if not values:
        raise FgmixError(f"{flag}: give at least one")
    for value in values:
        if known is not None and value is not None and value not in known:
            raise FgmixError(f"{flag} {value}: choose from {', '.join(known)}")
    if len(set(values)) < len(values):
        raise FgmixError(f"{flag} {','.join(map(str, values))}: one is named twice")
