"""Config fields that are command-line flags: what they say of themselves, and their ranges."""

from dataclasses import field, fields
from typing import Any

from fgmix.errors import FgmixError


def flag(
    default: Any,
    group: str,
    text: str,
    *,
    choices: Any = None,
    minimum: float | None = None,
    maximum: float | None = None,
    shown: str | None = None,
) -> Any:
    """A config field that is also a command-line flag.

    Args:
        default: The value without a flag. None means that preset, recipe or base decide;
            MISSING, that there must be one.
        group: The heading in `--help`.
        text: What it does, for `--help`.
        choices: The values allowed, if they are named ones.
        minimum: The smallest number allowed.
        maximum: The largest number allowed.
        shown: How `--help` names the default, where None would tell nothing.
    """
    metadata = {
        "group": group,
        "text": text,
        "choices": choices,
        "minimum": minimum,
        "maximum": maximum,
        "shown": shown,
    }
    return field(default=default, metadata=metadata)


def check_values(config: Any) -> None:
    """Checks every field of a config against its choices and range; None is left open.

    Args:
        config: An instance of a dataclass whose fields were made by `flag`.

    Raises:
        FgmixError: If a value is not allowed.
    """
    for f in fields(config):
        value = getattr(config, f.name)
        name = "--" + f.name.replace("_", "-")
        if value is None:
            continue
        choices = f.metadata["choices"]
        if choices is not None and value not in choices:
            raise FgmixError(f"{name} {value}: choose one of {', '.join(choices)}")
        minimum, maximum = f.metadata["minimum"], f.metadata["maximum"]
        if minimum is not None and not value >= minimum:
            raise FgmixError(f"{name} {value}: must be at least {minimum}")
        if maximum is not None and not value <= maximum:
            raise FgmixError(f"{name} {value}: must be at most {maximum}")
