"""Imports modules on first use."""

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from fgmix.errors import FgmixError


def lazy_attributes(package: str, home: dict[str, str]) -> Callable[[str], object]:
    """Returns a `__getattr__` for a package (PEP 562) that imports names on first use.

    Args:
        package: The package's `__name__`.
        home: Maps each name to the module that defines it, and a part of the package to itself.
    """

    def find(name: str) -> object:
        if name in home:
            module = import_module(home[name])
            return module if home[name] == f"{package}.{name}" else getattr(module, name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return find


def import_after(module: str, follower: str) -> None:
    """Imports a module when another one has been imported, at once if it is imported already.

    Args:
        module: The module to wait for, a top-level one.
        follower: The module to import after it.
    """
    if module in sys.modules:
        import_module(follower)
    else:
        sys.meta_path.insert(0, _Follower(module, follower))


class _Follower(MetaPathFinder):
    """Finds a module as the other finders do, and has another imported after it.

    Args:
        module: The module.
        follower: The one to import after it.
    """

    def __init__(self, module: str, follower: str):
        self._module = module
        self._follower = follower

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Returns the module's spec, once; None for every other module."""
        if fullname != self._module:
            return None
        sys.meta_path.remove(self)
        spec = find_spec(fullname)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def load_both(module: ModuleType) -> None:
                load(module)
                import_module(self._follower)

            spec.loader.exec_module = load_both  # type: ignore[method-assign]
        return spec


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
