"""What to say where a run is wanted and something else is given."""

import difflib
from collections.abc import Iterator
from pathlib import Path

from fgmix.invocation import command
from fgmix.runs.record import CONFIG, METRICS

RUNS = Path("saved_models")
SAVED_MODEL = "saved_model.pb"


def how_to_get_a_run() -> str:
    """Returns what to give as a run: the newest finished one here, or the command to train one."""
    runs = sorted(_runs_in(RUNS), key=lambda run: (run / METRICS).stat().st_mtime)
    if runs:
        return f"give the folder of a run, such as {runs[-1]}"
    return (
        f"train a run first, such as {command('train')} --dataset photos/ with a folder of photos "
        f"for each class"
    )


def why_no_run(place: Path) -> str:
    """Returns why a place is not a run, and what to give instead.

    Args:
        place: A path without the record of a run.
    """
    if not place.exists():
        near = _near(place)
        hint = f"did you mean {near}?" if near else how_to_get_a_run()
        return f"there is no run {place}: {hint}"
    if is_model(place):
        above = next((p for p in place.parents[:2] if (p / CONFIG).is_file()), None)
        if above:
            return f"{place} is the model of a run: give the run's folder, {above}"
        use = (
            "load it with keras.saving.load_model after import fgmix"
            if place.suffix == ".keras"
            else f"ask it on a server with {command('query')}"
        )
        return (
            f"{place} is a model without its run, which holds {CONFIG}, the class names and the "
            f"results: give the folder of the run that it comes from, or {use}"
        )
    if place.is_file():
        return f"{place} is a file: give the folder of a run"
    inside = sorted(_runs_in(place))
    if inside:
        return f"{place} is a folder of {len(inside)} runs: give one, such as {inside[0]}"
    return f"{place} is not a run: it has no {CONFIG}"


def is_model(place: Path) -> bool:
    """Returns whether a place is a `.keras` file, a SavedModel or a folder of its versions."""
    if (place / CONFIG).is_file():
        return False  # a run, which holds one of each
    versions = place.glob(f"*/{SAVED_MODEL}")
    return (
        place.suffix == ".keras"
        or (place / SAVED_MODEL).is_file()
        or any(found.parent.name.isdigit() for found in versions)
    )


def _runs_in(folder: Path) -> Iterator[Path]:
    """Yields the finished runs in a folder."""
    for config in folder.glob(f"*/{CONFIG}"):
        if (config.parent / METRICS).is_file() and not config.parent.name.startswith("."):
            yield config.parent


def _near(place: Path) -> Path | None:
    """Returns the run whose name is most like that of a place, beside it or in `RUNS`."""
    for folder in (place.parent, RUNS):
        names = [run.name for run in _runs_in(folder)]
        found = difflib.get_close_matches(place.name, names, 1)
        if found:
            return folder / found[0]
    return None
