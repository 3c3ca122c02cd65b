"""Reads `config.json`, the record of a run, as written by this version and by 0.1."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from fgmix.config.recipes import SETTINGS
from fgmix.config.train_config import TrainConfig
from fgmix.config.upgrade import upgrade
from fgmix.data.dataset import CONTENT
from fgmix.errors import FgmixError, did_you_mean

CONFIG, LABELS, HISTORY, METRICS = "config.json", "labels.txt", "history.csv", "metrics.json"
PREDICTIONS, MODEL, LOGS, DIVERGED = "predictions.csv", "model.keras", "logs", "diverged.txt"
SPLITS, PROBABILITIES, DISTANCE = "splits.csv", "probabilities.npy", "distance.npz"

PARTS = ("config", "data", "versions")
"""The parts of every record."""


def read_record(directory: Path) -> dict[str, Any] | None:
    """Returns the record of a run, or None if the folder has no valid one.

    Raises:
        FgmixError: If the run was trained with a setting that this version does not support.
    """
    try:
        record = json.loads((directory / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(record, dict):
        return None
    if not all(isinstance(record.get(part), dict) for part in PARTS):
        return None
    try:
        record["config"] = upgrade(record["config"], record.pop("recipe", {}))
    except FgmixError as error:
        raise of_another_version(directory, error) from error
    return record


def comparable_fingerprints(data: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns the fingerprints of several runs' photos, equal where the photos are the same.

    They are of the photos' contents, or, if a run of version 0.1 is among them, of their sizes.

    Args:
        data: What the runs record of their data.
    """
    found = [one["fingerprint"] for one in data]
    by_content = [fingerprint.startswith(CONTENT) for fingerprint in found]
    if all(by_content):
        return found
    sizes = [one.get("fingerprint_of_sizes", one["fingerprint"]) for one in data]
    return [s if new else f for f, s, new in zip(found, sizes, by_content, strict=True)]


def read_config(path: Path, given: Mapping[str, Any]) -> TrainConfig:
    """Returns the config in a file, with some settings changed.

    The run's folder is never taken from the file.

    Args:
        path: A run's `config.json`, or a JSON file with some settings by name.
        given: Settings that override those of the file. If they name another recipe, the file's
            settings that a recipe decides are dropped.

    Raises:
        FgmixError: If the file is missing, has no settings or has unknown ones.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FgmixError(f"--config {path} can't be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise FgmixError(f"--config {path} can't be read: it is not JSON ({error})") from error
    if isinstance(found, dict) and isinstance(found.get("config"), dict):
        found = upgrade(found["config"], found.get("recipe") or {})
        found.pop("run_dir", None)
    if not isinstance(found, dict) or not found:
        raise FgmixError(f"--config {path} can't be read: it has no settings by name")
    for name in found.keys() - {f.name for f in fields(TrainConfig)}:
        hint = did_you_mean(name, (f.name for f in fields(TrainConfig)))
        raise FgmixError(f"--config {path} has an unknown setting {name}{hint}")
    if given.get("recipe", found.get("recipe")) != found.get("recipe"):
        found = {name: value for name, value in found.items() if name not in SETTINGS}
    return TrainConfig(**{"dataset": None} | found | dict(given))


def of_another_version(directory: Path, reason: object) -> FgmixError:
    """Returns the error for a run whose record this version can't read."""
    return FgmixError(f"{directory} is of another version of fgmix ({reason}): train it again")
