"""Names of groups of runs, made from the settings that distinguish them."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from fgmix.config.recipes import Recipe
from fgmix.models.attention import ATTENTIONS

FIRST = ("dataset", "attention", "backbone", "gate", "recipe", "shots", "train_fraction")
"""The settings that names prefer, in this order."""

ABSENT = object()
"""The value of a setting that does not apply to a group."""

BARE = ("dataset", "attention", "backbone")
"""Settings whose values are clear without the setting's name."""

BY_RECIPE = {f.name for f in fields(Recipe)} - {"summary"}

Settings = Mapping[str, Any]


def distinguishing(groups: Sequence[Settings]) -> list[str]:
    """Returns the fewest settings that distinguish groups, those of `FIRST` before others.

    Args:
        groups: The settings of each group.

    Returns:
        Their names, without settings that earlier ones determine, as the recipe determines the
        learning rates.
    """
    names = list(dict.fromkeys([*FIRST, *(name for group in groups for name in group)]))
    shown: list[str] = []
    for name in names:
        values: dict[tuple, set[str]] = {}
        for group in groups:
            key = tuple(repr(group.get(s, ABSENT)) for s in shown)
            values.setdefault(key, set()).add(repr(group.get(name, ABSENT)))
        if any(len(found) > 1 for found in values.values()):
            shown.append(name)
    return shown


def name_group(settings: Settings, shown: Sequence[str]) -> str:
    """Returns a group's name, made from the distinguishing settings: `mixed, shots 5`."""
    chosen = [name for name in shown if name in settings] or ["attention"]
    return ", ".join(in_words(name, settings[name]) for name in chosen)


def place(settings: Settings, shown: Sequence[str]) -> list[tuple]:
    """Returns the sort key of a group: attentions in registry order, numbers by size."""
    key: list[tuple] = []
    for name in shown:
        value = settings.get(name, ABSENT)
        if value is ABSENT:
            key.append((0,))
        elif name == "attention":
            key.append((1, list(ATTENTIONS).index(value)))
        elif isinstance(value, (int, float)):
            key.append((1, value))
        else:  # `None` means all
            key.append((3,) if value is None else (2, str(value)))
    return key


def in_words(name: str, value: object) -> str:
    """Returns a setting in words: `mixed`, `gate sigmoid`, `shots 5`."""
    if name in BARE:
        return str(value)
    label = name.replace("_", " ")
    if value is None:
        return "all photos" if name == "shots" else f"no {label}"
    if isinstance(value, bool):
        return label if value else f"no {label}"
    return f"{label} {value:g}" if isinstance(value, float) else f"{label} {value}"


def differing(one: Settings, other: Settings) -> list[str]:
    """Returns the settings in which two groups differ.

    Settings that do not apply to one of them, such as the gate to `none`, are left out; if the
    recipes differ, so are the settings that a recipe sets.
    """
    found = [name for name in one if name in other and one[name] != other[name]]
    if "recipe" in found:
        found = [name for name in found if name == "recipe" or name not in BY_RECIPE]
    return found
