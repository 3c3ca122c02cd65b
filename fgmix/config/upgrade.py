"""Reads the settings of runs that version 0.1 recorded."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from fgmix.config.recipes import FROZEN
from fgmix.errors import FgmixError

RENAMED = {"small_share": "progressive_share", "small_scale": "progressive_scale"}
REMOVED = {"mixing": "none", "mixing_alpha": None, "summary": None}
"""Settings of version 0.1 that no longer exist, and their value without effect (None: any)."""

EARLIER: dict[str, Any] = {
    "prepare": "never",
    "views": 0,
    "dropout": 0.0,
    "bn": "train",
    "frozen_stride": 0,
    "head": "paper",
    "feature_maps": "last",
    "val_photos": 0,
    "few_photos": 0,
    "layer_decay": 1.0,
    "interpolation": "none",
    "ema": 0.0,
    "progressive_share": 0.0,
    "progressive_scale": 1.0,
}
"""The values of settings in records that are older than the setting, if not its default."""


def upgrade(settings: Mapping[str, Any], recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings of a run under the names of this version.

    Args:
        settings: The `config` part of a run's record.
        recipe: Its `recipe` part, which contains settings without a flag; `{}` since 0.2.

    Raises:
        FgmixError: If the run was trained with a setting that this version does not support.
    """
    found = {RENAMED.get(name, name): value for name, value in {**recipe, **settings}.items()}
    for name, without_effect in REMOVED.items():
        value = found.pop(name, without_effect)
        if without_effect is not None and value != without_effect:
            raise FgmixError(f"it was trained with {name} {value}, which is no longer supported")
    found = EARLIER | found
    if found.get("finetune_epochs") and found.get("finetune") is None:
        found["finetune"] = asdict(FROZEN.finetune) if FROZEN.finetune else None
    return found
