"""Says which runs are the same: what each setting decides, and all that follows from it.

Every field of a config names what it decides (`fgmix.config.fields.Decides`). Five questions are
answered from that and from nothing else:

- What is a run called? `run_name`: by the settings that decide its result and are not default.
- May a run be resumed with these settings? `changes`: if none of those differs.
- Is a run the one that a cell of a grid stands for? `changes`, likewise.
- Do several processes train the same run? `result_settings` of each must be equal.
- Do two runs count as seeds of one group? `group_settings` of both must be equal.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from fgmix.config.fields import Decides, option
from fgmix.config.settings import NAMED_WEIGHTS, Settings
from fgmix.models.choices import GATED

ALWAYS_NAMED = ("dataset", "backbone", "attention", "seed")
"""Settings that every run's name holds."""

UNREDUCED = ("none", "conv")
"""The attentions without an excitation, to which `reduction` means nothing."""


def settings_that_decide(decides: Decides) -> list[str]:
    """Returns the names of the settings that decide this, in the order of the config."""
    return [f.name for f in fields(Settings) if f.metadata["decides"] is decides]


def result_settings(config: Settings) -> dict[str, Any]:
    """Returns the settings that decide a run's result, by name.

    The data set is not among them: a folder may lie elsewhere on another machine. Its fingerprint
    tells whether the images are the same.
    """
    return {name: getattr(config, name) for name in settings_that_decide(Decides.RESULT)}


def group_settings(config: Settings, data: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what must be equal for two runs to be seeds of one group.

    Args:
        config: A resolved config.
        data: The `data` part of the run's record.

    Returns:
        The data set's name and the settings that decide the result, without seed and fold. A
        setting that has no effect with this attention is left out.
    """
    unused = {"seed", "fold"}
    if config.attention not in GATED:
        unused.add("gate")
    if config.attention in UNREDUCED:
        unused.add("reduction")
    settings = {"dataset": data["name"]}
    settings |= {k: v for k, v in result_settings(config).items() if k not in unused}
    # A weights file may lie elsewhere on another machine.
    if config.weights not in NAMED_WEIGHTS:
        settings["weights"] = Path(config.weights).name
    # `auto` resizes large images and leaves small ones: these runs had the same pixels.
    if config.prepare == "auto" and not (data.get("prepared") or {}).get("photos"):
        settings["prepare"] = "never"
    if config.finetune is None:
        settings.pop("finetune")
    return settings


def changes(
    before: Mapping[str, Any], now: Settings, decides: Decides = Decides.RESULT
) -> list[str]:
    """Returns the settings that differ from those of a run, in words.

    Args:
        before: The settings of the run, by name, from its record.
        now: A resolved config.
        decides: Which settings to look at.
    """
    compared = [
        f for f in fields(now) if f.metadata["decides"] is decides and f.metadata["recorded"]
    ]
    present = asdict(now)
    # A record without a setting was written before the setting existed, with its default.
    return [
        f"{option(f.name)} was {was}"
        for f in compared
        if (was := before.get(f.name, f.default)) != present[f.name]
    ]


def departures(config: Settings, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings that decide the result and are not default, by name.

    Those that every run's name holds are left out.

    Args:
        config: A config, resolved or not.
        defaults: The values of the fields that may be None, by name.
    """
    defaults = {f.name: f.default for f in fields(config)} | dict(defaults)
    return {
        name: value
        for name, value in result_settings(config).items()
        if name not in (*ALWAYS_NAMED, "finetune") and value is not None and value != defaults[name]
    }


def run_name(config: Settings, dataset_name: str, defaults: Mapping[str, Any]) -> str:
    """Returns `DATASET-BACKBONE-ATTENTION[-every other non-default setting]-seedN`.

    Args:
        config: A config, resolved or not.
        dataset_name: The data set's name as part of a file name.
        defaults: The values of the fields that may be None, by name.
    """
    backbone = config.backbone or str(defaults["backbone"])
    parts = [dataset_name, backbone, config.attention]
    for name, value in departures(config, defaults).items():
        if name == "weights":
            value = re.sub(r"(\.weights)?\.h5$|\.safetensors$", "", Path(value).name)
        parts.append(f"{name}_{slug(str(value))}")
    return "-".join([*parts, f"seed{config.seed}"])


def slug(text: str) -> str:
    """Returns a text as part of a file name.

    Example:
        >>> slug("aircraft/family")
        'aircraft_family'
    """
    return re.sub(r"[^\w.]+", "_", text).strip("_") or "data"
