"""Imports modules on first use."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from fgmix.errors import FgmixError


def lazy_attributes(package: str, home: dict[str, str]) -> Callable[[str], object]:
    """Returns a `__getattr__` for a package (PEP 562) that imports names on first use.

    Args:
        package: The package's `__name__`.
        home: Maps each name to the module that defines it.
    """

    def find(name: str) -> object:
        if name in home:
            return getattr(import_module(home[name]), name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return find


def import_optional(module: str, group: str, purpose: str) -> Any:
    """Imports a module of an optional dependency.

    Args:
        module: The module's name.
        group: The optional dependency group of `pyproject.toml` that installs it.
        purpose: What the module is needed for, for the message.

    Returns:
        The module.

    Raises:
        FgmixError: If the module is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise FgmixError(
            f"{purpose} needs the package {module}: pip install 'fgmix[{group}]'"
        ) from error
