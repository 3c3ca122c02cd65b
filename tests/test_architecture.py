"""The layering of packages: imports go one way and are never circular."""

import ast
import graphlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "fgmix").rglob("*.py"))
ORDER = (
    {"errors", "files", "lazy", "failpoints", "tables", "plotting", "html", "console"}
    | {"backend", "invocation"},
    {"layers"},
    {"data"},
    {"models"},
    {"config"},
    {"runs"},
    {"training"},
    {"evaluation"},
    {"audit"},
    {"explanation"},
    {"comparison"},
    {"serving"},
    {"workflows"},
    {"report"},
    {"app"},
    {"grid"},
    {"reproduction"},
    {"api", "cli"},
    {"__init__", "__main__"},
)
"""From the lowest to the highest package. No package imports a higher one."""
LAZY_TENSORFLOW = {"fgmix/models/fused_batchnorm.py"}
"""Files of models that import TensorFlow inside a function: it calls a kernel of TensorFlow, and is
itself called only when Keras runs on TensorFlow."""
MAX_LINES = 400


def part_of(path):
    """Returns the package or module directly under `fgmix` that contains a file."""
    return path.relative_to(ROOT / "fgmix").parts[0].removesuffix(".py")


def imports(path):
    """The dotted names that a file imports, wherever in the file, those named in strings too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            # Lazy packages keep the modules that they import on demand as strings.
            found |= set(re.findall(r"\Afgmix(?:\.\w+)+\Z", node.value))
    return found


def parts_imported(path):
    """Returns the parts of `fgmix` that a file imports."""
    known = set().union(*ORDER)
    parts = {name.split(".")[1] for name in imports(path) if name.startswith("fgmix.")}
    # `from fgmix import train` takes what the package itself offers.
    return {part if part in known else "__init__" for part in parts - {"__version__"}}


def tensorflow_imports(tree):
    """The import statements below a node that import TensorFlow or a part of it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            continue
        if any(name.split(".")[0] == "tensorflow" for name in names):
            yield node


def rank(part):
    return next(level for level, parts in enumerate(ORDER) if part in parts)


def by_path(path):
    return str(path.relative_to(ROOT))


def test_the_import_reader_sees_every_kind_of_import(tmp_path):
    source = tmp_path / "m.py"
    source.write_text(
        "import os.path as p\n"
        "def f():\n    from fgmix.data.sources.folder import SUFFIXES\n"
        "class C:\n    import keras\n"
        "HOME = {'a': 'fgmix.models.classifier'}\n"
        "TEXT = 'see fgmix.serving.export'\n"
    )
    assert imports(source) == {
        "os.path",
        "fgmix.data.sources.folder.SUFFIXES",
        "keras",
        "fgmix.models.classifier",
    }
    assert parts_imported(source) == {"data", "models"}


def test_every_part_has_its_place():
    assert FILES
    assert {part_of(path) for path in FILES} <= set().union(*ORDER)


@pytest.mark.parametrize("path", FILES, ids=by_path)
def test_nothing_imports_anything_higher(path):
    own = rank(part_of(path))
    assert [part for part in parts_imported(path) if rank(part) > own] == []


@pytest.mark.parametrize("path", FILES, ids=by_path)
def test_text_reaches_the_console_in_one_place(path):
    called = [n.func for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)]
    prints = [f for f in called if isinstance(f, ast.Name) and f.id == "print"]
    assert not prints or path == ROOT / "fgmix" / "console.py"


def modules():
    """Returns the modules of `fgmix` and their files, by name."""
    names = {}
    for path in FILES:
        parts = path.relative_to(ROOT).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


def test_no_module_imports_itself_through_others():
    # Imports within functions and for type checks count: they only hide a cycle.
    known = modules()
    graph = {}
    for name, path in known.items():
        found = {one if one in known else one.rpartition(".")[0] for one in imports(path)}
        graph[name] = found & known.keys() - {name, "fgmix"}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_recipes_are_looked_up_in_the_config_alone():
    reading = [
        by_path(path)
        for path in FILES
        if {"RECIPES", "PRESETS", "BASE"} & {name.rpartition(".")[2] for name in imports(path)}
    ]
    assert {Path(path).parts[1] for path in reading} == {"config"}


@pytest.mark.parametrize("path", [p for p in FILES if part_of(p) == "layers"], ids=by_path)
def test_layers_need_keras_and_numpy_alone(path):
    allowed = {"keras", "numpy"} | set(sys.stdlib_module_names)
    foreign = {name for name in imports(path) if name.split(".")[0] not in allowed}
    assert [name for name in foreign if not name.startswith("fgmix.layers")] == []


@pytest.mark.parametrize("path", [p for p in FILES if part_of(p) == "models"], ids=by_path)
def test_models_do_not_need_tensorflow_or_data(path):
    assert parts_imported(path) <= ORDER[0] | {"layers", "models"}
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = list(tensorflow_imports(tree))
    if by_path(path) in LAZY_TENSORFLOW:
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        inside = {node for function in functions for node in tensorflow_imports(function)}
        assert found, "it imports TensorFlow no more: remove it from LAZY_TENSORFLOW"
        assert set(found) <= inside
    else:
        assert found == []


def test_a_tensorflow_import_is_seen_wherever_it_is():
    tree = ast.parse("import tensorflow as tf\ndef f():\n    from tensorflow.io import read_file\n")
    assert [node.lineno for node in tensorflow_imports(tree)] == [1, 3]


@pytest.mark.parametrize("path", FILES, ids=by_path)
def test_no_file_is_too_long_to_read_in_one_go(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("fgmix.cli.train", ["--help"]),
        ("fgmix.cli.train", ["--dataset", "demo", "--attention", "mixd"]),
        ("fgmix.cli.train", ["--dataset", "demo", "--epochs", "-1"]),
        ("fgmix.cli.evaluate", ["--help"]),
        ("fgmix.cli.predict", ["--help"]),
        ("fgmix.cli.predict", ["--model", "nowhere", "photo.jpg", "--output", "o.csv"]),
        ("fgmix.cli.query", ["--help"]),
        ("fgmix.cli.query", ["--url", "ftp://host", "--model", "photos", "photo.jpg"]),
        ("fgmix.cli.app", ["--help"]),
        ("fgmix.cli.app", ["--model", "nowhere"]),
        ("fgmix.cli.export", ["--help"]),
        ("fgmix.cli.export", ["--model", "RUN", "--format", "onyx"]),
        ("fgmix.cli.export", ["--model", "RUN", "--precision-target", "95"]),
        ("fgmix.cli.heatmaps", ["--help"]),
        ("fgmix.cli.heatmaps", ["--model", "nowhere", "--map", "heat"]),
        ("fgmix.cli.costs", ["--help"]),
        ("fgmix.cli.costs", ["--backbones", "vgg99"]),
        ("fgmix.cli.compare", ["--help"]),
        ("fgmix.cli.compare", ["nowhere", "--plot", "picture.bmp"]),
        ("fgmix.cli.report", ["--help"]),
        ("fgmix.cli.report", ["nowhere", "--output", "report.pdf"]),
        ("fgmix.cli.reproduce", ["--help"]),
        ("fgmix.cli.reproduce", ["--dataset", "cars", "--attentions", "mixd"]),
        ("fgmix.cli.grid", ["--help"]),
        ("fgmix.cli.grid", ["--dataset", "cars", "--jobs", "0"]),
        ("fgmix.cli.backbones", ["--help"]),
        ("fgmix.cli.backbones", []),
        ("fgmix.cli.import_photos", ["--help"]),
        ("fgmix.cli.import_photos", ["nowhere.zip", "folder"]),
        ("fgmix.cli.check", ["--help"]),
        ("fgmix.cli.check", ["--model", "nowhere"]),
    ],
)
def test_help_and_bad_flags_do_not_wait_for_heavy_libraries(module, arguments):
    code = (
        "import importlib, sys\n"
        "from fgmix.cli.main import run\n"
        f"main = importlib.import_module({module!r}).main\n"
        "try:\n    code = run(main, sys.argv[1:])\n"
        "except SystemExit as stop:\n    code = stop.code\n"
        "heavy = {'tensorflow', 'keras', 'jax', 'torch', 'scipy', 'PIL', 'matplotlib', 'sklearn'}\n"
        "print('imported:', *sorted(heavy & set(sys.modules)))\n"
        "sys.exit(code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == (0 if arguments in (["--help"], []) else 2), done.stderr
    assert done.stdout.splitlines()[-1] == "imported:"
