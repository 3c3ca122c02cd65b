"""The baseline of each group."""

from collections.abc import Sequence

from fgmix.comparison.names import ABSENT, differing, in_words
from fgmix.comparison.study import Group
from fgmix.errors import FgmixError

DEFAULT_BASELINE = "none"
"""The attention of the default baseline."""

Pair = tuple[Group, Group]
"""A group and its baseline."""


def pair_groups(groups: Sequence[Group], baseline: str | None) -> tuple[list[Pair], list[str]]:
    """Finds the baseline of every group.

    Args:
        groups: All groups.
        baseline: The name of a group, or the value of a setting. By default the groups without
            attention, or else the first group.

    Returns:
        The pairs to compare, and notes on groups without a baseline.

    Raises:
        FgmixError: If no group matches the name, or the name is ambiguous.
    """
    notes = []
    if baseline is not None:
        chosen = _named(groups, baseline)
    elif len({group.settings["attention"] for group in groups}) > 1:
        chosen = [g for g in groups if g.settings["attention"] == DEFAULT_BASELINE]
    else:
        chosen = []
    if not chosen:
        chosen = [groups[0]]
        if len(groups) > 1:
            notes.append(
                f"The baseline is the first group, {groups[0].name}: --baseline chooses another."
            )
    pairs = []
    for group in groups:
        if group in chosen:
            continue
        other = _baseline_of(group, chosen)
        if other is None:
            notes.append(f"{group.name} is not compared: no baseline shares its other settings.")
        else:
            pairs.append((group, other))
    return pairs, notes


def name_baseline(pairs: Sequence[Pair]) -> str:
    """Returns a short name of what groups are compared with; `""` if nothing is compared."""
    names = {other.name for _, other in pairs}
    if len(names) > 1:
        settings = {tuple(differing(one, other)) for one, other in pairs}
        varied = {name for found in settings for name in found}
        if len(varied) == 1:
            name = varied.pop()
            names = {in_words(name, other.settings[name]) for _, other in pairs}
    return names.pop() if len(names) == 1 else "the baseline" * bool(names)


def _named(groups: Sequence[Group], wanted: str) -> list[Group]:
    """Returns the group of that name, or those with that value of a setting that varies."""
    by_name = [group for group in groups if group.name == wanted]
    if by_name:
        return by_name
    names = "; ".join(group.name for group in groups)
    found: dict[str, list[Group]] = {}
    for setting in dict.fromkeys(name for group in groups for name in group.settings):
        values = {repr(group.settings.get(setting, ABSENT)) for group in groups}
        having = [
            group
            for group in groups
            if setting in group.settings and wanted in _spellings(setting, group.settings[setting])
        ]
        if len(values) > 1 and having and having not in found.values():
            found[setting] = having
    if not found:
        raise FgmixError(f"--baseline {wanted}: no such group; choose from: {names}")
    if len(found) > 1:
        may_be = " or ".join(f"'{setting.replace('_', ' ')} {wanted}'" for setting in found)
        raise FgmixError(
            f"--baseline {wanted} is ambiguous: give {may_be}, or a group's name: {names}"
        )
    [chosen] = found.values()
    return chosen


def _spellings(setting: str, value: object) -> set[str]:
    """Returns the accepted names of a setting's value: `none`, `attention none`."""
    plain = f"{value:g}" if isinstance(value, float) else str(value)
    return {plain, f"{setting.replace('_', ' ')} {plain}", in_words(setting, value)}


def _baseline_of(group: Group, chosen: Sequence[Group]) -> Group | None:
    """Returns the only baseline, or of several the one that differs in exactly one setting."""
    if len(chosen) == 1:
        return chosen[0]
    near = [other for other in chosen if len(differing(group, other)) == 1]
    return near[0] if len(near) == 1 else None
