"""A model file is data: whatever stands in it, loading it runs none of it."""

import json
import pickle
import shutil
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

from fgmix.__main__ import main
from fgmix.cli.main import run


class Payload:
    """Pickled, it makes a file when it is read."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return Path.touch, (self.target,)


def with_lambda(target):
    """A model with a layer of Python code, as `keras` itself saves it."""
    inputs = keras.Input([32, 32, 3])
    code = keras.layers.Lambda(
        lambda x, made=str(target): (__import__("pathlib").Path(made).touch(), x)[1],
        output_shape=(32, 32, 3),
    )(inputs)
    return keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(code)))


def name_in_config(file, module, class_name, config, registered_name=None):
    """Puts an object of any module in the place of a model's first layer."""
    with zipfile.ZipFile(file) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    model = json.loads(contents["config.json"])
    layer = model["config"]["layers"][0]
    layer |= {"module": module, "class_name": class_name, "registered_name": registered_name}
    layer["config"] = config
    contents["config.json"] = json.dumps(model).encode()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)


@pytest.fixture
def target(tmp_path):
    return tmp_path / "code has run"


@pytest.fixture
def hostile(finished, tmp_path):
    """A copy of a run, whose model file is to be replaced."""
    shutil.copytree(finished, tmp_path / "run")
    return tmp_path / "run" / "model.keras"


@pytest.fixture
def refused(hostile, photos, target, capsys):
    """Predicts with the copy and returns the one line that is said."""

    def refused():
        before = target.exists()
        photo = photos / "test" / "red" / "photo0.png"
        code = run(main, ["predict", "--model", str(hostile.parent), str(photo)])
        out, err = capsys.readouterr()
        assert (code, out) == (2, "")
        assert target.exists() == before is False
        [line] = err.splitlines()
        assert f"{hostile} can't be loaded: " in line
        return line

    return refused


def test_a_lambda_is_refused(hostile, refused, target):
    model = with_lambda(target)
    model(np.zeros([1, 32, 32, 3]))
    assert target.exists()  # it works where it may
    target.unlink()
    model.save(hostile)
    assert "Lambda" in refused() or "lambda" in refused()


@pytest.mark.parametrize(
    ("module", "class_name", "config"),
    [
        ("subprocess", "Popen", {"args": ["touch", "TARGET"]}),
        ("os", "system", {"command": "touch TARGET"}),
        ("builtins", "eval", "open('TARGET', 'w')"),
        (
            "keras.src.utils.file_utils",
            "get_file",
            {"fname": "TARGET", "origin": "file:///etc/hosts"},
        ),
    ],
)
def test_what_a_config_names_is_not_called(hostile, refused, target, module, class_name, config):
    config = json.loads(json.dumps(config).replace("TARGET", str(target)))
    name_in_config(hostile, module, class_name, config)
    refused()


@pytest.mark.parametrize("inside", [False, True])
def test_pickles_are_not_read(hostile, refused, target, inside):
    content = pickle.dumps(Payload(target))
    if not inside:
        hostile.write_bytes(content)
    else:
        with zipfile.ZipFile(hostile) as archive:
            contents = {name: archive.read(name) for name in archive.namelist()}
        with zipfile.ZipFile(hostile, "w") as archive:
            for name, old in contents.items():
                archive.writestr(name, content if name == "model.weights.h5" else old)
    refused()
    pickle.loads(content)
    assert target.exists()  # it works: whoever reads the pickle runs it
