"""Names of groups of runs, made from the settings that distinguish them."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from fgmix.config.recipes import SETTINGS
from fgmix.models.attention import ATTENTIONS

FIRST = ("dataset", "attention", "backbone", "gate", "recipe", "shots", "train_fraction")
"""The settings that names prefer, in this order."""

ABSENT = object()
"""The value of a setting that does not apply to a group."""

BARE = ("dataset", "attention", "backbone")
"""Settings whose values are clear without the setting's name."""

BY_RECIPE = frozenset(SETTINGS)

Settings = Mapping[str, Any]


def distinguishing(groups: Sequence[Settings], given: Collection[str] = ()) -> list[str]:
    """Returns the fewest settings that distinguish groups, those of `FIRST` before others.

    Args:
        groups: The settings of each group.
        given: Settings that were given by hand in one of them. Where groups differ in such a
            setting it is among the names, whatever determines it elsewhere.

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
        everywhere = {value for found in values.values() for value in found}
        if any(len(found) > 1 for found in values.values()) or (
            name in given and len(everywhere) > 1
        ):
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


class Named(Protocol):
    """What tells two groups apart: their settings, and which of these were given by hand."""

    @property
    def settings(self) -> Settings:
        """All settings by name."""

    @property
    def given(self) -> Collection[str]:
        """The settings of a recipe that were given by hand."""


def differing(one: Named, other: Named) -> list[str]:
    """Returns the settings in which two groups differ.

    Settings that do not apply to one of them, such as the gate to `none`, are left out. So are the
    settings that follow from different recipes; one that was given by hand is not.
    """
    mine, its = one.settings, other.settings
    found = [name for name in mine if name in its and mine[name] != its[name]]
    if "recipe" not in found:
        return found
    given = {"recipe", *one.given, *other.given}
    return [name for name in found if name in given or name not in BY_RECIPE]
