"""An argument parser whose errors are one line, with flags made from a config's fields."""

import argparse
import difflib
import types
import typing
from collections.abc import Collection
from dataclasses import MISSING, Field
from pathlib import Path
from typing import Any, NoReturn

from fgmix.config.fields import flags_of, option
from fgmix.errors import FgmixError


class Parser(argparse.ArgumentParser):
    """An `ArgumentParser` that raises `FgmixError` where the original prints its usage."""

    def __init__(self, **kwargs: Any):
        super().__init__(
            allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **kwargs
        )

    def error(self, message: str) -> NoReturn:
        """Raises the message as bad input."""
        raise FgmixError(f"{message} (see {self.prog} --help)")

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parses, and names the nearest flag where one is unknown."""
        parsed, unknown = self.parse_known_args(args, namespace)
        if unknown:
            known = [option for action in self._actions for option in action.option_strings]
            near = difflib.get_close_matches(unknown[0].split("=")[0], known, 1)
            hint = f": did you mean {near[0]}?" if near else ""
            self.error(f"unknown argument {unknown[0]}{hint}")
        return parsed


def check_output_file(flag: str, path: Path) -> None:
    """Refuses, before the work, a file that can't be written after it.

    Raises:
        FgmixError: If the path is a folder's or lies in no folder.
    """
    if path.is_dir():
        raise FgmixError(f"{flag} {path} is a folder: give a file's name")
    if not path.parent.is_dir():
        raise FgmixError(f"{flag} {path}: there is no folder {str(path.parent)!r}")


def check_output_folder(flag: str, path: Path) -> None:
    """Refuses, before the work, a folder that can't be made after it. Makes nothing.

    Raises:
        FgmixError: If the path, or what it lies in, is there and is no folder.
    """
    there = next(place for place in (path, *path.absolute().parents) if place.exists())
    if not there.is_dir():
        raise FgmixError(f"{flag} {path}: {there} is a file: give a folder")


def add_flags(parser: Parser, config: type, without: Collection[str] = ()) -> None:
    """Adds a flag for every field of a config class, under the headings of its groups.

    A flag that is not given is not among the parsed arguments. The values' ranges are checked by
    the config, so that Python callers get the same messages.

    Args:
        parser: Where to.
        config: The config class.
        without: Fields that get no flag.
    """
    types_by_name = typing.get_type_hints(config)
    groups: dict[str, Any] = {}
    for f in flags_of(config):
        if f.name in without:
            continue
        heading = f.metadata["group"]
        group = groups.setdefault(heading, parser.add_argument_group(heading))
        kind = _plain_type(types_by_name[f.name])
        help_text = _help(f).replace("%", "%%")
        if kind is bool:
            # What a config file turns on can be turned off; an order is given or not.
            action = argparse.BooleanOptionalAction if f.metadata["recorded"] else "store_true"
            group.add_argument(
                option(f.name), action=action, default=argparse.SUPPRESS, help=help_text
            )
            continue
        group.add_argument(
            option(f.name),
            type=kind,
            # Not argparse's `required`: of "--datset" it would say that --dataset is missing.
            default=argparse.SUPPRESS,
            metavar={int: "N", float: "X"}.get(kind, "NAME" if f.metadata["choices"] else "VALUE"),
            help=help_text,
        )


def _plain_type(annotation: Any) -> type:
    if isinstance(annotation, types.UnionType):
        return next(kind for kind in annotation.__args__ if kind is not types.NoneType)
    return annotation


def _help(f: Field) -> str:
    text, choices = f.metadata["text"], f.metadata["choices"]
    if choices:
        text += f": {', '.join(choices)}"
    if f.default is MISSING:
        return text + " (required)"
    if isinstance(f.default, bool):
        return text
    shown = f.metadata["shown"] or f.default
    return f"{text} (default: {shown})"
