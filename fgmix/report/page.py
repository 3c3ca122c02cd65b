"""The report: its sections, and the HTML file made from them."""

import base64
import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from markupsafe import Markup

import fgmix
from fgmix import html
from fgmix.comparison.contrasts import Comparison
from fgmix.comparison.failures import find_failures
from fgmix.comparison.output import headline
from fgmix.comparison.study import Group, Study
from fgmix.data.sources.registry import is_local, load_dataset, local_root, terms_of_use
from fgmix.errors import FgmixError
from fgmix.files import write_text
from fgmix.report.commands import Running, describe_running
from fgmix.report.failing import Failing, describe_failing
from fgmix.report.looks import Looks
from fgmix.report.pictures import ExampleImages
from fgmix.report.quality import Quality, describe_quality
from fgmix.report.training import Training, describe_training
from fgmix.report.worth import Worth, describe_worth

log = logging.getLogger(__name__)

MOST_BYTES = 10_000_000
"""The page size above which pictures are dropped: larger pages are slow on phones and in mail."""

TEMPLATES = Path(__file__).parent / "templates"

DEFAULT_FOCUS = "mixed"
"""The attention whose mistakes are shown if several are compared: the one fgmix is about."""


@dataclass(frozen=True)
class Report:
    """The content of the page, one field per section, in the order of the page.

    Attributes:
        title: The title of the page.
        headline: What was compared.
        focus: The name of the group whose mistakes are shown.
        quality: How good is it?
        worth: Is the attention worth it?
        looks: Where does it look?
        failing: Where does it fail?
        training: How was it trained?
        running: How do I run it?
        notes: Caveats.
        terms: The terms of use of the photos on the page, `""` if there are none.
    """

    title: str
    headline: str
    focus: str
    quality: Quality
    worth: Worth
    looks: Looks
    failing: Failing
    training: Training
    running: Running
    notes: tuple[str, ...]
    terms: str


def find_focus(study: Study, name: str | None = None) -> Group:
    """Returns the group whose mistakes are shown, chosen without regard to accuracy.

    Args:
        study: The runs.
        name: Its name; by default the first with mixed attention, or else the last group.

    Raises:
        FgmixError: If there is no such group.
    """
    if name is None:
        usual = (g for g in study.groups if g.settings["attention"] == DEFAULT_FOCUS)
        return next(usual, study.groups[-1])
    found = next((group for group in study.groups if group.name == name), None)
    if found is None:
        names = "; ".join(group.name for group in study.groups)
        raise FgmixError(f"--group {name}: no such group; choose from: {names}")
    return found


def image_root(study: Study, dataset: str | None = None, data_dir: str | None = None) -> Path:
    """Returns the folder of the runs' images.

    Unlike other commands, a report also shows images of a data set that has changed since.

    Args:
        study: The runs.
        dataset: The folder or table where the images are now, or the name of their data set.
        data_dir: The folder of the data set, if it has moved.

    Raises:
        FgmixError: If there is no such data set.
    """
    run = study.groups[0].runs[0][0]
    if not (dataset or data_dir):
        return Path(run.data.get("root", ""))
    place = run.run.config_at(dataset, data_dir)
    if is_local(place.dataset):
        return local_root(place.dataset, place.data_dir, place.columns)
    return load_dataset(place.dataset, place.data_dir, place.split_seed).root


def make_report(
    comparison: Comparison, focus: Group, looks: Looks, root: Path, with_images: bool = True
) -> Report:
    """Returns the content of the page.

    Args:
        comparison: The runs.
        focus: From `find_focus`.
        looks: The heat maps, or why there are none.
        root: The folder of the images.
        with_images: Whether to show examples.
    """
    study = comparison.study
    log.info("where each group fails")
    failures = [find_failures(study, group) for group in study.groups]
    run = focus.runs[0][0]
    images = ExampleImages(root, run.data.get("crop_bottom", 0)) if with_images else None
    failing = describe_failing(study, focus, failures, images)
    pictured = any(side.pictures for pair in failing.pairs for side in pair.sides)
    dataset = run.run.config.dataset
    log.info("charts and tables")
    return Report(
        f"{run.data['name']}: a classifier of {run.data['num_classes']} classes",
        headline(comparison),
        focus.name,
        describe_quality(comparison, focus, failures),
        describe_worth(comparison),
        looks,
        failing,
        describe_training(study),
        describe_running(focus),
        comparison.notes,
        terms_of_use(dataset) if pictured or looks.images else "",
    )


def write_report(path: Path, report: Report, made: date) -> int:
    """Writes the page, atomically; drops pictures if it would be too large.

    Args:
        path: The file.
        report: Its content.
        made: The date on the page.

    Returns:
        The page's size in bytes.
    """
    page = render(report, made)
    for what, drop in DROPS.items():
        if len(page.encode()) <= MOST_BYTES:
            break
        log.warning("the page would exceed %d MB: %s are left out", MOST_BYTES // 1_000_000, what)
        report = drop(report)
        page = render(report, made)
    write_text(path, page)
    return len(page.encode())


def _without_heatmaps(report: Report) -> Report:
    return replace(report, looks=Looks(why_not="Heat maps would have made this page too large."))


def _without_examples(report: Report) -> Report:
    pairs = tuple(
        replace(pair, sides=tuple(replace(side, pictures=()) for side in pair.sides))
        for pair in report.failing.pairs
    )
    missing = "Photos would have made this page too large."
    return replace(report, failing=replace(report.failing, pairs=pairs, missing=missing))


DROPS: dict[str, Callable[[Report], Report]] = {
    "heat maps": _without_heatmaps,
    "example photos": _without_examples,
}
"""What is dropped from a page that is too large, in this order."""


def render(report: Report, made: date) -> str:
    """Returns the page as HTML. Everything is escaped except what this package generates."""
    script = (TEMPLATES / "sort.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return html.render(
        TEMPLATES / "report.html",
        report=report,
        made=made.isoformat(),
        version=fgmix.__version__,
        style=Markup((TEMPLATES / "style.css").read_text(encoding="utf-8")),
        script=Markup(script),
        script_hash=f"sha256-{digest}",
    )
