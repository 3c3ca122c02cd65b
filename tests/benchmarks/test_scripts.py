"""Every script can be started as its docstring says, and finds the scripts that it starts."""

import ast
import importlib
import re

import pytest

from benchmarks.lib.paths import BENCHMARKS

FILES = [path for path in sorted(BENCHMARKS.rglob("*.py")) if path.name != "__init__.py"]
MODULES = {
    path: ".".join(["benchmarks", *path.relative_to(BENCHMARKS).with_suffix("").parts])
    for path in FILES
}
SCRIPTS = [path for path in FILES if path.parent.name not in ("lib", "peers")]


def by_module(path):
    return MODULES[path]


@pytest.mark.parametrize("path", SCRIPTS, ids=by_module)
def test_a_script_shows_its_command(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert re.search(
        rf"^    (\w+=\w+ )?python -m {MODULES[path]}\b", ast.get_docstring(tree, False), re.M
    )
    assert 'if __name__ == "__main__":' in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", FILES, ids=by_module)
def test_what_is_run_in_another_process_is_there(path):
    text = path.read_text(encoding="utf-8")
    assert "sys.path" not in text
    for module in re.findall(r'"(benchmarks\.[\w.]+)"', text):
        assert module in MODULES.values()
    for module, function in re.findall(r"\b(benchmarks\.[\w.]+):(\w+)", text):
        assert callable(getattr(importlib.import_module(module), function))
