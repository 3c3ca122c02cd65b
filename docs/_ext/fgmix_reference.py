"""Fills pages of the site: the reference from the code, others from README files elsewhere.

A page has a comment such as `<!-- commands -->` where the Markdown made here goes. Links to those
README files, which lead to them on GitHub, lead to their pages on the site.
"""

import argparse
import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields
from importlib import import_module
from pathlib import Path
from typing import Any

import fgmix
from fgmix.__main__ import COMMANDS
from fgmix.config.fields import option
from fgmix.config.recipes import RECIPES, WITHIN
from fgmix.config.settings import Settings
from fgmix.tables import markdown_table

ROOT = Path(__file__).parents[2]
PAGES = {
    "../../benchmarks/README.md": "../results/benchmarks.md",
    "../../saved_models/README.md": "../reference/run_files.md",
}
"""Links from a page in a folder of `docs/`, and the same on the site."""


def commands() -> str:
    """Returns a section for every command, from its parser."""
    return "\n".join(_command(name) for name in COMMANDS)


def settings() -> str:
    """Returns a table for every group of settings, from the fields of the config."""
    groups: dict[str, list[list[str]]] = {}
    for field in fields(Settings):
        about = field.metadata
        text = about["text"]
        if about["choices"] is not None:
            text += ": " + ", ".join(f"`{value}`" for value in about["choices"])
        row = [_flag(field), _default(field), about["decides"].value, text]
        groups.setdefault(about["group"] or "without a flag", []).append(row)
    header = ["setting", "default", "decides", "what it is"]
    return "\n".join(
        f"## {group[0].upper()}{group[1:]}\n\n{_table(header, rows)}"
        for group, rows in groups.items()
    )


def recipes() -> str:
    """Returns a table of the values of every recipe, and of those within a recipe."""
    columns = {}
    for name, recipe in RECIPES.items():
        columns[f"`{name}`"] = recipe
        if recipe.few is not None:
            columns[f"`{name}`, fewer than {recipe.few_photos:,} photos"] = recipe.few
    left_out = {"name", "summary", "few_photos", *WITHIN}
    names = [f.name for f in fields(next(iter(columns.values()))) if f.name not in left_out]
    rows = [
        [f"`{option(name)}`", *(str(getattr(recipe, name)) for recipe in columns.values())]
        for name in names
    ]
    return _table(["setting", *columns], rows)


def api() -> str:
    """Returns reStructuredText that documents every public name of fgmix."""
    lines = []
    for name in fgmix.__all__:
        if inspect.ismodule(getattr(fgmix, name)):
            continue  # these have sections of their own
        kind = "class" if inspect.isclass(getattr(fgmix, name)) else "function"
        lines.append(f".. auto{kind}:: fgmix.{name}\n")
    return "```{eval-rst}\n" + "\n".join(lines) + "```\n"


def benchmarks() -> str:
    """Returns the README of the benchmarks without its heading, as seen from `docs/results/`."""
    text = _body("benchmarks").replace("](figures/", "](../../benchmarks/figures/")
    return re.sub(r"\[([^\]]+)\]\((peers/\w+\.py)\)", r"\1 (`benchmarks/\2`)", text)


def run_files() -> str:
    """Returns the README of the runs' folder without its heading."""
    return _body("saved_models")


def _body(folder: str) -> str:
    return (ROOT / folder / "README.md").read_text(encoding="utf-8").partition("\n")[2]


def setup(app: Any) -> dict[str, bool]:
    """Connects this extension to Sphinx."""
    app.connect("env-get-outdated", _filled)
    app.connect("source-read", _fill)
    app.connect("autodoc-process-signature", _signature)
    # Before napoleon, which reads the sections.
    app.connect("autodoc-process-docstring", _fences, priority=400)
    return {"parallel_read_safe": True}


PARTS: dict[str, Callable[[], str]] = {
    "commands": commands,
    "settings": settings,
    "recipes": recipes,
    "api": api,
    "benchmarks": benchmarks,
    "run files": run_files,
}
"""What a comment in a page is replaced by. A link beside it, for readers on GitHub, is left out."""


def _filled(app: Any, env: Any, *_: Any) -> list[str]:
    """Returns the pages with parts, which are read at every build: the parts' sources change."""
    pages = {page: Path(env.doc2path(page)).read_text(encoding="utf-8") for page in env.found_docs}
    return [p for p, text in pages.items() if any(f"<!-- {name} -->" in text for name in PARTS)]


def _fill(app: Any, page: str, source: list[str]) -> None:
    text = source[0]
    for name, make in PARTS.items():
        mark = f"<!-- {name} -->"
        if mark in text:
            text = re.sub(r"^\[On GitHub.*\n", "", text, flags=re.MULTILINE)
            text = text.replace(mark, make())
    for link, here in PAGES.items():
        text = text.replace(f"]({link}", f"]({here}")
    source[0] = text


def _signature(
    app: Any, what: str, name: str, thing: Any, options: Any, arguments: str, returns: str
) -> tuple[str, str] | None:
    """Returns the arguments of a Keras layer, whose `__new__` hides them."""
    if what != "class" or arguments != "(*args, **kwargs)":
        return None
    own = list(inspect.signature(thing.__init__).parameters.values())[1:]
    shown = [each.replace(annotation=inspect.Parameter.empty) for each in own]
    return str(inspect.Signature(shown)), returns


def _fences(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Turns fences of Markdown into reStructuredText's blocks of code."""
    lines[:] = without_fences(lines)


def without_fences(lines: list[str]) -> list[str]:
    """Returns the lines of a docstring with blocks of code as reStructuredText has them."""
    found: list[str] = []
    inside = False
    for line in lines:
        if line.lstrip().startswith("```"):
            inside = not inside
            margin = line[: len(line) - len(line.lstrip())]
            found += ["", f"{margin}.. code-block:: python", ""] if inside else [""]
        else:
            found.append(f"    {line}" if inside and line else line)
    return found


def _command(name: str) -> str:
    parser = import_module(COMMANDS[name].module).make_parser()
    text = f"## {name}\n\n{_escape(parser.description)}\n\n"
    text += f"```text\n{_usage(parser)}\n```\n\n"
    for group in parser._action_groups:
        rows = [
            [_name(action), _escape(_help(parser, action))]
            for action in group._group_actions
            if not isinstance(action, argparse._HelpAction)
        ]
        if rows:
            title = {"positional arguments": "argument", "options": "flag"}.get(
                group.title, group.title
            )
            text += _table([title, "what it is"], rows) + "\n"
    if parser.epilog:
        text += f"```text\n{parser.epilog.strip()}\n```\n"
    return text


def _usage(parser: argparse.ArgumentParser) -> str:
    """Returns the usage with its arguments alone: the flags are in the tables."""
    words = [parser.prog, "[FLAGS]" if any(a.option_strings for a in parser._actions) else ""]
    for action in parser._actions:
        if not action.option_strings:
            shown = str(action.metavar or action.dest)
            many = action.nargs in ("*", "+", argparse.REMAINDER)
            words.append(f"[{shown} ...]" if action.nargs == "*" else shown + " ..." * many)
        elif action.required:
            words.insert(1, " ".join(_values(action)))
    return " ".join(word for word in words if word)


def _values(action: argparse.Action) -> Iterator[str]:
    yield action.option_strings[-1]
    if action.nargs != 0:
        shown = str(action.metavar or action.dest.upper())
        yield f"{shown} ..." if action.nargs in ("*", "+") else shown


def _name(action: argparse.Action) -> str:
    if not action.option_strings:
        return f"`{action.metavar or action.dest}`"
    if action.nargs == 0:
        return f"`{', '.join(action.option_strings)}`"
    if action.choices and not action.metavar:
        return f"`{action.option_strings[-1]}` " + ", ".join(f"`{c}`" for c in action.choices)
    return f"`{' '.join(_values(action))}`"


def _help(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    return parser._get_formatter()._expand_help(action) if action.help else ""


def _flag(field: Any) -> str:
    return f"`{option(field.name)}`" if field.metadata["group"] else f"`{field.name}`"


def _default(field: Any) -> str:
    if field.default is MISSING:
        return "required"
    if field.metadata["shown"]:
        return _escape(field.metadata["shown"])
    return "" if field.default is None else f"`{field.default}`"


def _escape(text: str) -> str:
    """Returns Markdown that shows a text as it is."""
    return re.sub(r"([\\*_\[\]{}$])", r"\\\1", " ".join(text.split()))


def _table(header: list[str], rows: list[list[str]]) -> str:
    return f"{markdown_table(header, rows, [True] * len(header)).strip()}\n"
