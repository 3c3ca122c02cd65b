"""Config fields that are command-line flags: what they say of themselves, and their ranges."""

from dataclasses import field, fields
from types import NoneType
from typing import Any, get_args, get_type_hints

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
        FgmixError: If a value is not allowed or of another type than its field's.
    """
    types = get_type_hints(type(config))
    for f in fields(config):
        value = getattr(config, f.name)
        name = "--" + f.name.replace("_", "-")
        if value is None:
            continue
        allowed = [t for t in get_args(types[f.name]) or [types[f.name]] if t is not NoneType]
        if not any(_is_a(value, t) for t in allowed):
            names = " or ".join(t.__name__ for t in allowed)
            raise FgmixError(f"{name} {value!r}: must be {names}")
        choices = f.metadata["choices"]
        if choices is not None and value not in choices:
            raise FgmixError(f"{name} {value}: choose one of {', '.join(choices)}")
        minimum, maximum = f.metadata["minimum"], f.metadata["maximum"]
        if minimum is not None and not value >= minimum:
            raise FgmixError(f"{name} {value}: must be at least {minimum}")
        if maximum is not None and not value <= maximum:
            raise FgmixError(f"{name} {value}: must be at most {maximum}")


def _is_a(value: Any, allowed: type) -> bool:
    """Whole numbers are floats too, and True is no number."""
    if isinstance(value, bool):
        return allowed is bool
    return isinstance(value, (int, float) if allowed is float else allowed)
