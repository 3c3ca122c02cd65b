"""The site's pages are complete: navigation, reference, commands that are shown, versions."""

import importlib.util
import re
import shlex
from dataclasses import fields
from importlib import import_module
from pathlib import Path

import pytest

import fgmix
from fgmix.__main__ import COMMANDS
from fgmix.config.fields import option
from fgmix.config.recipes import RECIPES
from fgmix.config.settings import Settings

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
BLOCK = re.compile(r"^```(?:text)?\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHOWN = re.compile(r"(?:^|[ ;|])fgmix ([a-z]+)([^\n|;#]*)", re.MULTILINE)


@pytest.fixture(scope="module")
def reference():
    """Returns the module that makes the reference pages."""
    spec = importlib.util.spec_from_file_location("made", DOCS / "_ext" / "fgmix_reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_page_is_in_the_navigation():
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    trees = re.findall(r"```\{toctree\}\n(.*?)```", index, re.DOTALL)
    listed = {line for tree in trees for line in tree.split() if not line.startswith(":")}
    pages = {
        str(path.relative_to(DOCS).with_suffix(""))
        for path in [*DOCS.rglob("*.md"), *DOCS.rglob("*.ipynb")]
        if "_build" not in path.parts
    }
    assert pages - {"index"} <= listed


def test_the_reference_has_every_command_with_its_flags(reference):
    text = reference.commands()
    for name, command in COMMANDS.items():
        section = text.partition(f"## {name}\n")[2].partition("\n## ")[0]
        for action in import_module(command.module).make_parser()._actions:
            for flag in action.option_strings[-1:]:
                assert flag == "--help" or f"`{flag}" in section or f", {flag}`" in section


def test_the_reference_has_every_setting_with_its_default(reference):
    text = reference.settings()
    for field in fields(Settings):
        name = option(field.name) if field.metadata["group"] else field.name
        assert f"| `{name}` | " in text
    assert "| `--seed` | `0` | result | " in text
    assert "| `--run-dir` | saved\\_models/" in text


def test_the_reference_has_the_values_of_every_recipe(reference):
    text = reference.recipes()
    epochs = [str(recipe.epochs) for recipe in RECIPES.values()]
    few = str(RECIPES["strong"].few.epochs)
    assert f"| `--epochs` | {' | '.join([*epochs[:2], few, *epochs[2:]])} |" in text


def test_fences_in_docstrings_become_blocks_of_code(reference):
    lines = ["Example:", "    ```python", "    run = 1", "    ```", "End."]
    assert reference.without_fences(lines) == [
        *("Example:", "", "    .. code-block:: python", "", "        run = 1", "", "End.")
    ]


def commands_shown():
    """Returns the commands in code blocks of README and the guides, with their page."""
    for page in [ROOT / "README.md", DOCS / "quickstart.md", *sorted((DOCS / "guides").glob("*"))]:
        for block in BLOCK.findall(page.read_text(encoding="utf-8")):
            for name, rest in SHOWN.findall(block.replace("\\\n", " ")):
                if name in COMMANDS:
                    yield pytest.param(name, rest, id=f"{page.stem}: {name}{rest}")


@pytest.mark.parametrize(("name", "rest"), list(commands_shown()))
def test_a_command_that_is_shown_is_accepted(name, rest):
    words = shlex.split(re.sub(r"\$\w+", "1", rest.replace("...", "")))
    import_module(COMMANDS[name].module).make_parser().parse_args(words)


def test_the_version_is_in_the_changelog_and_the_citation():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    [date] = re.findall(rf"^## \[{fgmix.__version__}\] - (\S+)$", changelog, re.MULTILINE)
    assert f"version: {fgmix.__version__}\n" in citation
    assert f'date-released: "{date}"\n' in citation
