"""Naming groups of runs by what tells them apart."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from fgmix.config.recipes import Recipe
from fgmix.models.attention import ATTENTIONS

FIRST = ("dataset", "attention", "backbone", "gate", "recipe", "shots", "train_fraction")
"""Settings that name a group before others do."""

ABSENT = object()
"""The value of a setting that means nothing to a group."""

BARE = ("dataset", "attention", "backbone")
"""Settings whose value says which setting it is."""

BY_RECIPE = {f.name for f in fields(Recipe)} - {"summary"}

Settings = Mapping[str, Any]


def distinguishing(groups: Sequence[Settings]) -> list[str]:
    """The settings that name groups: as few as tell them apart, those of `FIRST` before others.

    Args:
        groups: The settings of each group.

    Returns:
        Their names. A setting that goes along with those before it, as the learning rates go with
        the recipe, is not among them.
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
    """A group in words, by the settings that tell it from others: `mixed, shots 5`."""
    chosen = [name for name in shown if name in settings] or ["attention"]
    return ", ".join(in_words(name, settings[name]) for name in chosen)


def place(settings: Settings, shown: Sequence[str]) -> list[tuple]:
    """What groups are sorted by: attentions as the registry has them, numbers by size."""
    key: list[tuple] = []
    for name in shown:
        value = settings.get(name, ABSENT)
        if value is ABSENT:
            key.append((0,))
        elif name == "attention":
            key.append((1, list(ATTENTIONS).index(value)))
        elif isinstance(value, (int, float)):
            key.append((1, value))
        else:  # `None` stands for all there are
            key.append((3,) if value is None else (2, str(value)))
    return key


def in_words(name: str, value: object) -> str:
    """A setting in words: `mixed`, `gate sigmoid`, `shots 5`."""
    if name in BARE:
        return str(value)
    label = name.replace("_", " ")
    if value is None:
        return "all photos" if name == "shots" else f"no {label}"
    if isinstance(value, bool):
        return label if value else f"no {label}"
    return f"{label} {value:g}" if isinstance(value, float) else f"{label} {value}"


def differing(one: Settings, other: Settings) -> list[str]:
    """The settings in which two groups differ.

    A setting that means nothing to one of them, as a gate to `none`, is not among them, nor what
    follows from another recipe.
    """
    found = [name for name in one if name in other and one[name] != other[name]]
    if "recipe" in found:
        found = [name for name in found if name == "recipe" or name not in BY_RECIPE]
    return found
