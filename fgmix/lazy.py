"""Modules that are imported when they are first used, if at all."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from fgmix.errors import FgmixError


def lazy_attributes(package: str, home: dict[str, str]) -> Callable[[str], object]:
    """A package's `__getattr__` (PEP 562), for names it offers without importing them.

    Args:
        package: The package's `__name__`.
        home: For each name, the module that defines it.
    """

    def find(name: str) -> object:
        if name in home:
            return getattr(import_module(home[name]), name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return find


def import_optional(module: str, group: str, purpose: str) -> Any:
    """Imports a package of an optional group.

    Args:
        module: The module's name.
        group: The group of `pyproject.toml` that brings it.
        purpose: What it is needed for, for the message.

    Raises:
        FgmixError: If it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise FgmixError(
            f"{purpose} needs the package {module}: pip install 'fgmix[{group}]'"
        ) from error
