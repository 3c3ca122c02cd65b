"""Declares the fields of a config: their flags, allowed values, and what they affect."""

from collections.abc import Collection
from dataclasses import Field, field, fields
from enum import Enum
from types import NoneType
from typing import Any, get_args, get_type_hints

from fgmix.errors import FgmixError


class Decides(Enum):
    """What a setting affects; naming, resuming and comparing runs depend on it."""

    RESULT = "result"
    """The trained weights."""
    PLACE = "place"
    """Where images are read from and files are written to."""
    SPEED = "speed"
    """How fast training is, and what is logged and saved meanwhile."""


def flag(
    default: Any,
    group: str,
    text: str,
    *,
    decides: Decides = Decides.RESULT,
    choices: Any = None,
    minimum: float | None = None,
    maximum: float | None = None,
    shown: str | None = None,
    recorded: bool = True,
) -> Any:
    """Declares a config field that is also a command-line flag.

    Args:
        default: The default value. None leaves it to preset, recipe and base; `MISSING` makes the
            setting required.
        group: The heading in `--help`.
        text: The description in `--help`.
        decides: What the setting affects.
        choices: The allowed values, if they are names.
        minimum: The smallest allowed number.
        maximum: The largest allowed number.
        shown: The default as `--help` shows it, if the default is None.
        recorded: Whether a run's `config.json` contains it.
    """
    metadata = {
        "group": group,
        "text": text,
        "decides": decides,
        "choices": choices,
        "minimum": minimum,
        "maximum": maximum,
        "shown": shown,
        "recorded": recorded,
    }
    return field(default=default, metadata=metadata)


def unflagged(default: Any, text: str) -> Any:
    """Declares a config field that affects the result and has no flag."""
    return flag(default, "", text)


def flags_of(config: type) -> list[Field[Any]]:
    """Returns the fields of a config class that are command-line flags, in their order."""
    return [f for f in fields(config) if f.metadata["group"]]


def option(name: str) -> str:
    """Returns the flag of a field.

    Example:
        >>> option("image_size")
        '--image-size'
    """
    return "--" + name.replace("_", "-")


def check_values(config: Any) -> None:
    """Checks every field of a config against its type, choices and range; None is allowed.

    Args:
        config: An instance of a dataclass whose fields were declared by `flag`.

    Raises:
        FgmixError: If a value is not allowed or has the wrong type.
    """
    types = get_type_hints(type(config))
    for f in fields(config):
        value = getattr(config, f.name)
        if value is None:
            continue
        allowed = [t for t in get_args(types[f.name]) or [types[f.name]] if t is not NoneType]
        if not any(_is_a(value, t) for t in allowed):
            names = " or ".join(t.__name__ for t in allowed if t.__module__ == "builtins")
            raise FgmixError(f"{option(f.name)} {value!r}: must be {names}")
        choices = f.metadata["choices"]
        if choices is not None and isinstance(value, str):
            check_choice(option(f.name), value, choices)
        minimum, maximum = f.metadata["minimum"], f.metadata["maximum"]
        if minimum is not None and not value >= minimum:
            raise FgmixError(f"{option(f.name)} {value}: must be at least {minimum}")
        if maximum is not None and not value <= maximum:
            raise FgmixError(f"{option(f.name)} {value}: must be at most {maximum}")


def check_choice(name: str, value: str, choices: Collection[str]) -> None:
    """Raises `FgmixError` with the choices if a value is not one of them."""
    if value not in choices:
        raise FgmixError(f"{name} {value}: choose one of {', '.join(choices)}")


def _is_a(value: Any, allowed: type) -> bool:
    """Accepts int where float is expected; rejects bool."""
    if isinstance(value, bool):
        return allowed is bool
    return isinstance(value, (int, float) if allowed is float else allowed)
