"""What a run is called: its data, backbone and attention, and every other setting of its own."""

import re
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fgmix.config.train_config import TrainConfig

RUN, DEVICES = "the run", "devices and hosts"
BESIDE = (RUN, DEVICES)
"""The groups of the flags that change where a run lies or is trained and what is told of it, not
what it is."""


def departures(config: "TrainConfig", defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a config that are not the defaults, by name.

    Left out is what says which data, backbone, attention and seed, and what only says where.

    Args:
        config: The config, resolved or not.
        defaults: What fills the fields that it leaves None, by name.
    """
    defaults = {f.name: f.default for f in fields(config)} | dict(defaults)
    named = {"dataset", "data_dir", "backbone", "attention", "seed"}
    named |= {f.name for f in fields(config) if f.metadata["group"] in BESIDE}
    return {
        f.name: value
        for f in fields(config)
        if f.name not in named
        and (value := getattr(config, f.name)) is not None
        and value != defaults[f.name]
    }


def run_name(config: "TrainConfig", dataset_name: str, defaults: Mapping[str, Any]) -> str:
    """`DATASET-BACKBONE-ATTENTION[-every other non-default setting]-seedN`.

    Args:
        config: The config as it was given, not resolved.
        dataset_name: The data set's name as a part of a file name.
        defaults: What fills the fields that it leaves None, by name.
    """
    backbone = config.backbone or str(defaults["backbone"])
    parts = [dataset_name, backbone, config.attention]
    for name, value in departures(config, defaults).items():
        if name == "weights":
            value = re.sub(r"(\.weights)?\.h5$|\.safetensors$", "", Path(value).name)
        parts.append(f"{name}_{slug(str(value))}")
    return "-".join([*parts, f"seed{config.seed}"])


def slug(text: str) -> str:
    """The text as a part of a file name."""
    return re.sub(r"[^\w.]+", "_", text).strip("_") or "data"
