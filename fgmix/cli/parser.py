"""An argument parser with one-line errors, and flags made from a config's fields."""

import argparse
import types
import typing
from collections.abc import Collection
from dataclasses import MISSING, Field
from pathlib import Path
from typing import Any, NoReturn

from fgmix.config.fields import flags_of, option
from fgmix.errors import FgmixError, did_you_mean
from fgmix.invocation import as_called, command


class Parser(argparse.ArgumentParser):
    """An `ArgumentParser` that raises `FgmixError` instead of printing its usage.

    Args:
        name: The command's name.
        description: What it does, in a sentence.
        epilog: Text below the flags. Commands in it, such as `fgmix train`, are shown as the user
            calls them.
    """

    def __init__(self, name: str, description: str, epilog: str):
        super().__init__(
            prog=command(name),
            description=description,
            epilog=as_called(epilog),
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def error(self, message: str) -> NoReturn:
        """Raises `FgmixError` with the message."""
        raise FgmixError(f"{message} (see {self.prog} --help)")

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parses the arguments, and suggests the nearest flag for an unknown one."""
        parsed, unknown = self.parse_known_args(args, namespace)
        if unknown:
            known = [option for action in self._actions for option in action.option_strings]
            hint = did_you_mean(unknown[0].split("=")[0], known)
            self.error(f"unknown argument {unknown[0]}{hint}")
        return parsed


def check_output_file(flag: str, path: Path) -> None:
    """Checks, before the work, that an output file can be written.

    Raises:
        FgmixError: If the path is a folder, or its parent folder does not exist.
    """
    if path.is_dir():
        raise FgmixError(f"{flag} {path} is a folder: give a file's name")
    if not path.parent.is_dir():
        raise FgmixError(f"{flag} {path}: there is no folder {str(path.parent)!r}")


def check_output_folder(flag: str, path: Path) -> None:
    """Checks, before the work, that an output folder can be created; creates nothing.

    Raises:
        FgmixError: If the path or one of its parents is a file.
    """
    there = next(place for place in (path, *path.absolute().parents) if place.exists())
    if not there.is_dir():
        raise FgmixError(f"{flag} {path}: {there} is a file: give a folder")


def add_place(parser: Parser) -> None:
    """Adds the flags that say where the photos of runs are now."""
    parser.add_argument(
        "--dataset",
        metavar="DATASET",
        help="where the runs' photos are now: a folder, a table, or a name",
    )
    parser.add_argument(
        "--data-dir", metavar="DIR", help="folder of the runs' data set, if it has moved"
    )


def add_flags(parser: Parser, config: type, without: Collection[str] = ()) -> None:
    """Adds a flag for every field of a config class, under the headings of its groups.

    Flags that are not given are absent from the parsed arguments. The config checks the values'
    ranges, so that Python callers get the same messages.

    Args:
        parser: The parser that gets the flags.
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
            # A flag must be able to turn off what a config file turns on.
            action = argparse.BooleanOptionalAction if f.metadata["recorded"] else "store_true"
            group.add_argument(
                option(f.name), action=action, default=argparse.SUPPRESS, help=help_text
            )
            continue
        group.add_argument(
            option(f.name),
            type=kind,
            # With argparse's `required`, "--datset" would be reported as a missing --dataset.
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
