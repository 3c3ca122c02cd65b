"""Untrusted runs: loading one runs none of its code and touches no file outside its folder."""

import json
import pickle
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from fgmix.errors import FgmixError
from fgmix.runs.record import MODEL
from fgmix.runs.run import Run


class Payload:
    """An object whose pickle creates a file when it is loaded."""

    def __init__(self, target: Path):
        self.target = target

    def __reduce__(self):
        return Path.touch, (self.target,)


def in_place_of_a_layer(module: str, class_name: str, config) -> Callable[[dict, Path], None]:
    """A change that names an object of any module; `TARGET` is the file to write."""

    def change(layer: dict, folder: Path) -> None:
        layer.update(module=module, class_name=class_name, registered_name=None)
        target = str(folder / "written")
        layer["config"] = json.loads(json.dumps(config).replace("TARGET", target))

    change.__name__ = f"{module}_{class_name}"
    return change


def a_function_of_python(layer: dict, folder: Path) -> None:
    layer["config"]["kernel_initializer"] = {
        "module": "os",
        "class_name": "function",
        "config": "system",
        "registered_name": "system",
    }


def a_function_of_keras(layer: dict, folder: Path) -> None:
    layer["config"]["kernel_initializer"] = {
        "module": "keras.config",
        "class_name": "function",
        "config": "enable_unsafe_deserialization",
        "registered_name": "function",
    }


def a_download(layer: dict, folder: Path) -> None:
    layer["config"]["kernel_initializer"] = {
        "module": "keras.utils",
        "class_name": "get_file",
        "config": {"fname": "x", "origin": (folder / "secret").as_uri(), "cache_dir": str(folder)},
        "registered_name": None,
    }


def a_module_beside(layer: dict, folder: Path) -> None:
    layer.update(module="stranger", class_name="Layer", registered_name="Layer")


def a_saved_model(layer: dict, folder: Path) -> None:
    layer.update(module="keras.layers", class_name="TFSMLayer", registered_name=None)
    layer["config"] = {"name": layer["name"], "filepath": str(folder)}


def a_vocabulary_from_a_file(layer: dict, folder: Path) -> None:
    layer.update(module="keras.layers", class_name="StringLookup", registered_name=None)
    layer["config"] = {"name": layer["name"], "vocabulary": str(folder / "secret")}


@pytest.fixture
def craft(finished, tmp_path, monkeypatch) -> Callable[..., Run]:
    """Returns a copy of the finished run with another `model.keras`."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret").write_text("secret\n")
    trap = f"import pathlib\npathlib.Path({str(folder / 'written')!r}).touch()\n"
    (folder / "stranger.py").write_text(trap + "import keras\nLayer = keras.layers.Dense\n")
    monkeypatch.syspath_prepend(str(folder))
    source = finished

    def craft(change=None, weights=None, extra=None) -> Run:
        directory = tmp_path / "run"
        directory.mkdir()
        for name in ("config.json", "labels.txt", "metrics.json"):
            shutil.copy(source / name, directory)
        with zipfile.ZipFile(source / "model.keras") as old:
            members = {name: old.read(name) for name in old.namelist()}
        if change:
            config = json.loads(members["config.json"])
            dense = [x for x in config["config"]["layers"] if x["class_name"] == "Dense"]
            change(dense[-1], folder)
            members["config.json"] = json.dumps(config).encode()
        if weights:
            members["model.weights.h5"] = weights(members["model.weights.h5"])
        with zipfile.ZipFile(directory / "model.keras", "w") as new:
            for name, content in {**members, **(extra or {})}.items():
                new.writestr(name, content)
        return Run.open(directory)

    yield craft
    assert sorted(p.name for p in folder.iterdir() if p.name != "__pycache__") == [
        "secret",
        "stranger.py",
    ]


def refuse(run: Run) -> str:
    """Returns the one-line error of loading the model."""
    with pytest.raises(FgmixError, match=f"{MODEL} can't be loaded: ") as caught:
        run.load_model()
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        in_place_of_a_layer("subprocess", "Popen", {"args": ["touch", "TARGET"]}),
        in_place_of_a_layer("os", "system", {"command": "touch TARGET"}),
        in_place_of_a_layer("builtins", "eval", "open('TARGET', 'w')"),
        a_function_of_python,
        a_function_of_keras,
        a_download,
        a_module_beside,
        a_saved_model,
        a_vocabulary_from_a_file,
    ],
    ids=lambda change: change.__name__,
)
def test_a_model_that_brings_code_or_reaches_outside_is_refused(craft, change):
    refuse(craft(change))


def test_a_lambda_is_refused(craft, tmp_path):
    target = tmp_path / "code has run"
    inputs = keras.Input([32, 32, 3])
    code = keras.layers.Lambda(
        lambda x, made=str(target): (__import__("pathlib").Path(made).touch(), x)[1],
        output_shape=(32, 32, 3),
    )(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(code)))
    model(np.zeros([1, 32, 32, 3]))
    assert target.exists()  # it works if it is allowed
    target.unlink()
    run = craft()
    model.save(run.directory / MODEL)
    assert "lambda" in refuse(run).lower()
    assert not target.exists()


@pytest.mark.parametrize("inside", [False, True])
def test_pickles_are_not_read(craft, tmp_path, inside):
    target = tmp_path / "code has run"
    content = pickle.dumps(Payload(target))
    run = craft(weights=lambda _: content) if inside else craft()
    if not inside:
        (run.directory / MODEL).write_bytes(content)
    refuse(run)
    assert not target.exists()
    pickle.loads(content)
    assert target.exists()  # it works: loading the pickle runs it


def test_weights_linked_from_another_file_are_refused(craft, tmp_path):
    def link(content: bytes) -> bytes:
        with h5py.File(tmp_path / "outside" / "secret", "w") as file:
            file["x"] = np.ones((512, 3), "float32")
        path = tmp_path / "weights.h5"
        path.write_bytes(content)
        with h5py.File(path, "a") as file:
            found: list[str] = []
            file.visititems(lambda n, o: found.append(n) if isinstance(o, h5py.Dataset) else None)
            del file[found[0]]
            file[found[0]] = h5py.ExternalLink(str(tmp_path / "outside" / "secret"), "x")
        return path.read_bytes()

    refuse(craft(weights=link))


def test_a_path_in_a_model_leads_nowhere_outside(craft, tmp_path):
    names = ["../evil", "../../evil", "assets/../../evil", str(tmp_path / "evil")]
    run = craft(extra=dict.fromkeys(names, b"evil"))
    before = {p.name for p in tmp_path.parent.iterdir()}
    run.load_model()  # other files in the archive are not extracted
    assert not list(tmp_path.rglob("evil"))
    assert {p.name for p in tmp_path.parent.iterdir()} == before


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000 + "]" * 100_000,
        '{"config": [], "data": {}, "versions": {}}',
        '{"config": {"dataset": "x"}, "data": [], "versions": {}}',
        '{"config": {"dataset": "x"}, "data": {"num_classes": 3}, "versions": {}}',
        '{"config": {"dataset": "x", "image_size": "../.."}, "data": {"num_classes": 3, '
        '"crop_bottom": "rm"}, "versions": {}}',
    ],
)
def test_a_config_of_anything_else_is_told(finished, tmp_path, text):
    for name in ("labels.txt", "metrics.json", "model.keras"):
        shutil.copy(finished / name, tmp_path)
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(FgmixError) as caught:
        Run.open(tmp_path)
    assert "\n" not in str(caught.value)
