"""Compares runs by their settings: names, changes and groups.

Every field of a config declares what it affects (`fgmix.config.fields.Decides`). Five answers
follow from that alone:

- The name of a run: `run_name` lists the non-default settings that affect its result.
- Whether a run may be resumed with given settings: `changes` must be empty.
- Whether a run belongs to a cell of a grid: `changes` must be empty.
- Whether several processes train the same run: their `result_settings` must be equal.
- Whether two runs are seeds of one group: their `group_settings` must be equal.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from fgmix.config.choices import NAMED_WEIGHTS
from fgmix.config.fields import Decides, option
from fgmix.config.recipes import WITHIN
from fgmix.config.settings import Settings
from fgmix.models.backbones.registry import name_in_files, shown_name
from fgmix.models.choices import GATED

ALWAYS_NAMED = ("dataset", "backbone", "attention", "seed")
"""Settings that are part of every run's name."""

UNNAMED = (*WITHIN, "few_photos", "val_photos")
"""Settings that follow from others, so that they are part of no run's name."""

UNREDUCED = ("none", "conv")
"""The attentions without an excitation, for which `reduction` has no effect."""


def settings_that_decide(decides: Decides) -> list[str]:
    """Returns the names of the settings that affect `decides`, in the order of the config."""
    return [f.name for f in fields(Settings) if f.metadata["decides"] is decides]


def result_settings(config: Settings) -> dict[str, Any]:
    """Returns the settings that affect a run's result, by name.

    The data set is not included, because its folder may differ between machines: compare its
    fingerprint instead.
    """
    return {name: getattr(config, name) for name in settings_that_decide(Decides.RESULT)}


def group_settings(config: Settings, record: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings that are equal for all runs of one group.

    Args:
        config: A resolved config.
        record: The run's record, the content of `config.json`.

    Returns:
        The data set's name and the settings that affect the result, except seed and fold.
        Settings without effect for this attention are left out.
    """
    unused = {"seed", "fold"}
    if config.attention not in GATED:
        unused.add("gate")
    if config.attention in UNREDUCED:
        unused.add("reduction")
    if config.head != "paper":
        unused.add("head_bn")
    data = record["data"]
    settings = {"dataset": data["name"]}
    settings |= {k: v for k, v in result_settings(config).items() if k not in unused}
    # The path of a weights file may differ between machines, and another file may have its name.
    # Version 0.1 recorded no digest.
    if config.weights not in NAMED_WEIGHTS:
        digest = record.get("weights_sha256")
        settings["weights"] = f"file {digest[:12]}" if digest else Path(config.weights).name
    elif digest := (record.get("preset") or {}).get("sha256"):
        settings["weights"] = f"preset {digest[:12]}"
    settings["backbone"] = shown_name(config.backbone)
    # `auto` without resized images gives the same pixels as `never`.
    if config.prepare == "auto" and not (data.get("prepared") or {}).get("photos"):
        settings["prepare"] = "never"
    for name in UNNAMED:
        settings.pop(name)
    if config.finetune is not None:
        settings["finetune"] = asdict(config.finetune)
    return settings


def changes(
    before: Mapping[str, Any], now: Settings, decides: Decides = Decides.RESULT
) -> list[str]:
    """Returns the settings that differ from those of a run, for a message.

    Args:
        before: The settings of the run, by name, from its record.
        now: A resolved config.
        decides: Which settings to compare.

    Returns:
        The flag and the value before, as in `"--epochs was 30"`, one per changed setting.
    """
    compared = [
        f for f in fields(now) if f.metadata["decides"] is decides and f.metadata["recorded"]
    ]
    present = asdict(now)
    # A record lacks a setting if it is older than the setting, which then had its default.
    return [
        f"{option(f.name)} was {was}"
        for f in compared
        if (was := before.get(f.name, f.default)) != present[f.name]
    ]


def departures(config: Settings, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the non-default settings that affect the result, by name.

    Settings that are part of every run's name are left out.

    Args:
        config: A config, resolved or not.
        defaults: The values of the fields that may be None, by name.
    """
    defaults = {f.name: f.default for f in fields(config)} | dict(defaults)
    return {
        name: value
        for name, value in result_settings(config).items()
        if name not in (*ALWAYS_NAMED, *UNNAMED) and value is not None and value != defaults[name]
    }


def run_name(config: Settings, dataset_name: str, defaults: Mapping[str, Any]) -> str:
    """Returns `DATASET-BACKBONE-ATTENTION[-every other non-default setting]-seedN`.

    Args:
        config: A config, resolved or not.
        dataset_name: The data set's name as part of a file name.
        defaults: The values of the fields that may be None, by name.
    """
    backbone = name_in_files(config.backbone or str(defaults["backbone"]))
    parts = [dataset_name, backbone, config.attention]
    for name, value in departures(config, defaults).items():
        if name == "weights":
            value = re.sub(r"(\.weights)?\.h5$|\.safetensors$", "", Path(value).name)
        parts.append(f"{name}_{slug(str(value))}")
    return "-".join([*parts, f"seed{config.seed}"])


def slug(text: str) -> str:
    """Returns a text with all special characters replaced, to be part of a file name.

    Example:
        >>> slug("aircraft/family")
        'aircraft_family'
    """
    return re.sub(r"[^\w.]+", "_", text).strip("_") or "data"
