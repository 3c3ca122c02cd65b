"""The resume check: may this run be resumed with these settings and images?"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fgmix.config.fields import Decides
from fgmix.config.identity import changes
from fgmix.config.train_config import TrainConfig
from fgmix.data.dataset import ImageDataset
from fgmix.data.resized_cache.store import FORMAT
from fgmix.errors import FgmixError
from fgmix.files import read_csv
from fgmix.runs.folder import describe_preset, library_versions, weights_sha256
from fgmix.runs.record import LABELS, SPLITS, read_record

log = logging.getLogger(__name__)

SHOWN = 3
"""The number of class names and images that are listed; the others are counted."""


def refuse_changed_settings(config: TrainConfig, precision: str) -> None:
    """Checks that a run is resumed with its own settings, without reading images.

    Settings of places and speed may differ, and images may have moved: `refuse_changed_images`
    checks that they are the same. Such harmless changes are logged.

    Args:
        config: A resolved config that resumes a run.
        precision: The precision in use: what `--precision auto` means on this machine.

    Raises:
        FgmixError: If settings or precision differ.
    """
    before = _record(config)
    settings = before["config"]
    changed = changes(settings, config)
    if _names_another(settings.get("dataset"), config.dataset):
        changed.insert(0, f"--dataset was {settings['dataset']}")
    if before["precision"] != precision:
        changed.append(f"the precision was {before['precision']}, is {precision}")
    weights = weights_sha256(config)
    if before.get("weights_sha256", weights) != weights:
        changed.append(f"the content of --weights {config.weights} was not the same")
    preset, preset_before = describe_preset(config), before.get("preset")
    if preset and preset_before and preset["sha256"] != preset_before["sha256"]:
        changed.append(f"the weights of the preset {preset['name']} were not the same")
    # Images and settings decide which images are resized; the format decides the pixels.
    prepared = before["data"].get("prepared")
    if prepared and prepared["photos"] and prepared["format"] != FORMAT:
        changed.append("the resized cache had another format")
    if changed:
        raise _refusal(config, "settings", changed)

    harmless = changes(settings, config, Decides.PLACE) + changes(settings, config, Decides.SPEED)
    if harmless:
        log.info("changed since the run began, without effect: %s", "; ".join(harmless))
    now = library_versions()
    then = dict(before["versions"])
    if preset and preset_before:
        now["keras_hub"] = str(preset["keras_hub"])
        then["keras_hub"] = preset_before["keras_hub"]
    versions = [f"{k} was {v}, is {now.get(k)}" for k, v in then.items() if now.get(k) != v]
    if versions:
        log.warning("results may differ in their last bits: %s", "; ".join(versions))


def data_before(config: TrainConfig) -> dict[str, Any]:
    """Returns what a run that is to be resumed recorded of its data set.

    Raises:
        FgmixError: If there is no such run.
    """
    data: dict[str, Any] = _record(config)["data"]
    return data


def refuse_changed_images(config: TrainConfig, dataset: ImageDataset) -> ImageDataset:
    """Checks that a run is resumed on its own images, by their names, labels and contents.

    Args:
        config: A resolved config that resumes a run.
        dataset: Its data set, with its splits, including unreadable images.

    Returns:
        The data set without the images that the run skipped at its start, even if they have been
        repaired since.

    Raises:
        FgmixError: If classes or images differ.
    """
    before = _record(config)
    dataset = dataset.without(before["data"].get("skipped", []))
    if dataset.matches(before["data"]["fingerprint"]):
        return dataset
    run = Path(config.run_dir)
    try:
        old_names = (run / LABELS).read_text(encoding="utf-8").split("\n")[:-1]
        old = {(row["path"], row["label"], row["split"]) for row in read_csv(run / SPLITS)}
    except (OSError, ValueError, KeyError):
        raise _refusal(config, "photos", ["the photos are not the same"]) from None
    new = {
        (path, dataset.class_names[label], name)
        for name, split in dataset.splits.items()
        for path, label in zip(split.paths, split.labels, strict=True)
    }
    changed = _gone_and_new("classes", old_names, dataset.class_names)
    changed += _gone_and_new("photos", _paths(old), _paths(new))
    moved = _paths(old - new) & _paths(new - old)
    if moved:
        changed.append(f"of another class or split: {_listed(moved)}")
    raise _refusal(config, "photos", changed or ["files have other contents"])


def _names_another(before: Any, now: str) -> bool:
    """Returns whether two values of `--dataset` name different data; a folder may have moved."""
    return before != now and not (Path(str(before)).is_absolute() and Path(now).is_absolute())


def _record(config: TrainConfig) -> dict[str, Any]:
    record = read_record(Path(config.run_dir))
    if record is None:
        raise FgmixError(f"nothing to resume: there is no run {config.run_dir}")
    if "precision" not in record or "fingerprint" not in record["data"]:
        raise FgmixError(f"{config.run_dir} is of another version of fgmix: train it again")
    return record


def _refusal(config: TrainConfig, what: str, changed: Sequence[str]) -> FgmixError:
    return FgmixError(
        f"can't resume {config.run_dir} with other {what} ({'; '.join(changed)}): use the same "
        f"{what}, or start over with --overwrite"
    )


def _paths(rows: set[tuple[str, str, str]]) -> set[str]:
    return {path for path, _, _ in rows}


def _gone_and_new(
    what: str, old: Sequence[str] | set[str], new: Sequence[str] | set[str]
) -> list[str]:
    gone, added = set(old) - set(new), set(new) - set(old)
    return [
        f"{what} that are {state}: {_listed(names)}"
        for state, names in (("gone", gone), ("new", added))
        if names
    ]


def _listed(names: set[str]) -> str:
    shown = sorted(names)[:SHOWN]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(shown) + more
