"""A run in a line, and as HTML for a notebook."""

from pathlib import Path
from typing import Any, Protocol

from fgmix.config.train_config import TrainConfig
from fgmix.errors import FgmixError
from fgmix.tables import percent

_TEMPLATE = Path(__file__).parent / "templates" / "run.html"


class Shown(Protocol):
    """What is shown of a run: see the attributes of `Run`."""

    directory: Path

    @property
    def finished(self) -> bool: ...  # noqa: D102
    @property
    def data(self) -> dict[str, Any]: ...  # noqa: D102
    @property
    def config(self) -> TrainConfig: ...  # noqa: D102
    @property
    def class_names(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def metrics(self) -> dict[str, Any]: ...  # noqa: D102


def run_line(run: Shown) -> str:
    """Returns a run's folder, what it is, and its accuracy; the folder alone if it is damaged."""
    try:
        config = run.config
        what = f"{config.attention} on {config.backbone}, {len(run.class_names)} classes"
        result = _result(run) if run.finished else "not finished"
    except (FgmixError, KeyError, TypeError):
        return f"<Run {run.directory}>"
    return f"<Run {run.directory}: {what}, {result}>"


def run_html(run: Shown) -> str:
    """Returns a table of what a run is and how good it is."""
    from fgmix.html import render

    try:
        rows = _rows(run)
    except (FgmixError, KeyError, TypeError) as error:
        rows = [("can't be read", str(error))]
    return render(_TEMPLATE, directory=str(run.directory), rows=rows)


def _rows(run: Shown) -> list[tuple[str, str]]:
    config = run.config
    counts = ", ".join(f"{count:,} {name}" for name, count in run.data["num_images"].items())
    rows = [
        ("data", f"{run.data['name']}: {len(run.class_names)} classes, images: {counts}"),
        ("model", f"{config.backbone}, attention {config.attention}, {config.image_size} px"),
        ("training", f"recipe {config.recipe}, epochs: {config.epochs}, seed {config.seed}"),
    ]
    if not run.finished:
        return [*rows, ("result", "not finished")]
    metrics = run.metrics
    among = min(5, metrics.get("num_classes", 5))  # runs of 0.1 did not record the number
    return [
        *rows,
        ("top-1", _result(run).removeprefix("top-1 ")),
        (f"top-{among}", f"{percent(metrics['top5'], 1)} %"),
        ("mean per class", f"{percent(metrics['mean_per_class'], 1)} %"),
        ("loss", f"{metrics['loss']:.3f}"),
    ]


def _result(run: Shown) -> str:
    top1, count = run.metrics["top1"], run.metrics["num_examples"]
    error = (top1 * (1 - top1) / count) ** 0.5
    return (
        f"top-1 {percent(top1, 1)} % of {count:,} {run.config.measured_split} images "
        f"(standard error {percent(error, 1)})"
    )
