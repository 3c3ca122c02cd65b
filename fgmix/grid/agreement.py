"""The record of a grid, by which all processes that train it know that it is the same grid."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import fgmix
from fgmix.backend import library_version
from fgmix.config.choices import NAMED_WEIGHTS
from fgmix.config.fields import option
from fgmix.config.identity import UNNAMED, result_settings
from fgmix.errors import FgmixError
from fgmix.files import locked, read_json, write_json
from fgmix.grid.claims import Claims
from fgmix.grid.plan import Cell
from fgmix.models.backbones.registry import shown_name

GRID = "grid.json"
LIBRARIES = ("keras", "tensorflow")

Described = dict[str, list[Any]]


def agree(folder: Path, cells: Sequence[Cell], claims: Claims, *, joins: bool) -> None:
    """Checks that a grid is the one that others train into its folder, and records it.

    Args:
        folder: The folder of its results.
        cells: The grid.
        claims: The claims of its runs.
        joins: Whether this process joins a grid that may have begun; otherwise it may begin one
            anew, while nobody trains it.

    Raises:
        FgmixError: If settings or versions differ, or the folder can't be written to.
    """
    path, now = folder / GRID, describe(cells)
    with locked(path, "choose another --output"):
        before = None
        with suppress(OSError, ValueError):
            before = read_json(path)
        if before == now:
            return
        at_work = [owner for owner in claims.owners().values() if owner.grid == folder.name]
        if isinstance(before, dict) and (joins or at_work):
            raise FgmixError(_refusal(folder, differences(before, now), [o.host for o in at_work]))
        try:
            write_json(path, now)
        except OSError as error:
            raise FgmixError(f"can't write to {folder}: {error.strerror}") from error


def describe(cells: Sequence[Cell]) -> Described:
    """Returns the values of all settings that decide the results of a grid, and the versions.

    Places are left out: they may differ between hosts.
    """
    values: dict[str, dict[Any, None]] = {}
    for cell in cells:
        config = cell.config
        settings = {"dataset": config.dataset_name, **result_settings(config)}
        settings["backbone"] = shown_name(config.backbone)
        if config.weights not in NAMED_WEIGHTS:
            settings["weights"] = Path(config.weights).name
        for name, value in settings.items():
            if name not in UNNAMED:
                values.setdefault(option(name), {})[value] = None
    versions = {name: [library_version(name)] for name in LIBRARIES}
    return {"fgmix": [fgmix.__version__], **versions, **{k: list(v) for k, v in values.items()}}


def differences(before: Mapping[str, Any], now: Described) -> list[str]:
    """Returns what differs between two grids, as in `"--epochs was 20, is 30"`."""
    names = dict.fromkeys([*before, *now])
    return [
        f"{name} was {_shown(before.get(name))}, is {_shown(now.get(name))}"
        for name in names
        if before.get(name) != now.get(name)
    ]


def _shown(values: Any) -> str:
    if not isinstance(values, list):
        return "not there"
    shown = ",".join("none" if value is None else str(value) for value in values[:6])
    return shown + ",..." * (len(values) > 6)


def _refusal(folder: Path, changed: Sequence[str], hosts: Sequence[str]) -> str:
    where = f", and {', '.join(dict.fromkeys(hosts))} trains it now" if hosts else ""
    return (
        f"{folder} is of a grid with other settings ({'; '.join(changed)}){where}: give the same "
        f"flags and versions on all hosts, or another --output"
    )
