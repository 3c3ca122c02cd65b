"""Reading torchvision's format without PyTorch: files that fit, and errors for others.

Whether the numbers mean the same to both is tests/models/backbones/test_torch_parity.py's to show.
"""

import sys

import keras
import numpy as np
import pytest

from fgmix.errors import FgmixError
from fgmix.models.backbones import torchvision_layers
from fgmix.models.backbones.torchvision_weights import load_torchvision

safetensors_numpy = pytest.importorskip(
    "safetensors.numpy", reason="safetensors is not installed (pip install 'fgmix[hub]')"
)


def small():
    """A network of one convolution with bias, one without, and a normalisation."""
    inputs = keras.Input((8, 8, 3))
    x = torchvision_layers.convolution(inputs, 4, 3, "features_0", bias=True)
    x = torchvision_layers.normalization(x, "features_1")
    x = torchvision_layers.convolution(x, 2, 1, "layer1_0_conv1", stride=2)
    return keras.Model(inputs, x)


def tensors():
    """Its weights in torchvision's names and shapes, and what a whole file holds besides."""
    rng = np.random.default_rng(0)
    shapes = {
        "features.0.weight": (4, 3, 3, 3),
        "features.0.bias": (4,),
        "features.1.weight": (4,),
        "features.1.bias": (4,),
        "features.1.running_mean": (4,),
        "features.1.running_var": (4,),
        "layer1.0.conv1.weight": (2, 4, 1, 1),
        "classifier.6.weight": (10, 5),
        "fc.weight": (10, 5),
        "head.fc.bias": (10,),
        "pre_logits.fc1.weight": (5, 2, 7, 7),
    }
    drawn = {key: rng.normal(0, 1, shape).astype("float32") for key, shape in shapes.items()}
    return drawn | {"features.1.num_batches_tracked": np.array(7)}


@pytest.fixture
def load(tmp_path):
    """Writes tensors to a file and reads it into the network."""

    def load(content):
        path = tmp_path / "model.safetensors"
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            contiguous = {key: np.ascontiguousarray(value) for key, value in content.items()}
            safetensors_numpy.save_file(contiguous, path)
        model = small()
        load_torchvision(model, path, "small_net")
        return model

    return load


@pytest.fixture
def refusal(load, tmp_path):
    def refusal(content):
        with pytest.raises(FgmixError) as caught:
            load(content)
        message = str(caught.value)
        assert "\n" not in message
        assert str(tmp_path / "model.safetensors") in message
        return message

    return refusal


def weights(model, name):
    return {v.name: keras.ops.convert_to_numpy(v) for v in model.get_layer(name).variables}


def test_every_tensor_goes_to_the_variable_of_its_meaning(load):
    given, model = tensors(), load(tensors())
    conv = weights(model, "features_0")
    np.testing.assert_array_equal(
        conv["kernel"][2, 0, 1, 3], given["features.0.weight"][3, 1, 2, 0]
    )
    np.testing.assert_array_equal(conv["bias"], given["features.0.bias"])
    assert {name: list(value) for name, value in weights(model, "features_1").items()} == {
        "gamma": list(given["features.1.weight"]),
        "beta": list(given["features.1.bias"]),
        "moving_mean": list(given["features.1.running_mean"]),
        "moving_variance": list(given["features.1.running_var"]),
    }
    assert weights(model, "layer1_0_conv1")["kernel"].shape == (1, 1, 4, 2)


@pytest.mark.parametrize("dtype", ["float16", "float64", "bfloat16"])
def test_other_floats_become_float32(load, dtype):
    kind = keras.backend.standardize_dtype(dtype)
    if dtype == "bfloat16":
        kind = pytest.importorskip("ml_dtypes").bfloat16
    model = load({key: value.astype(kind) for key, value in tensors().items()})
    gamma = weights(model, "features_1")["gamma"]
    assert gamma.dtype == "float32"
    np.testing.assert_array_equal(gamma, tensors()["features.1.weight"].astype(kind).astype("f4"))


def test_missing_tensors_are_named(refusal):
    content = tensors()
    del content["features.1.running_var"]
    message = refusal(content)
    assert "missing features.1.running_var" in message
    assert "small_net" in message
    assert "unknown" not in message


def test_unknown_tensors_are_named(refusal):
    message = refusal(tensors() | {"features.3.weight": np.zeros(2, "f4")})
    assert message.endswith("unknown features.3.weight")


def test_tensors_of_another_shape_are_named_with_both_shapes(refusal):
    message = refusal(tensors() | {"features.0.weight": np.zeros((4, 3, 5, 5), "f4")})
    assert message.endswith("misshapen features.0.weight (4, 3, 5, 5) instead of (4, 3, 3, 3)")


def test_tensors_that_are_not_floats_are_named(refusal):
    message = refusal(tensors() | {"features.0.bias": np.zeros(4, "int64")})
    assert message.endswith("not float features.0.bias I64")


def test_many_tensors_are_counted(refusal):
    message = refusal({"a": np.zeros(1, "f4"), "fc.weight": np.zeros((2, 2), "f4")})
    assert "missing features.0.weight, features.0.bias, features.1.weight and 4 more" in message
    assert message.endswith("unknown a")


def test_a_file_that_does_not_fit_changes_nothing(tmp_path):
    content = tensors()
    del content["layer1.0.conv1.weight"]
    safetensors_numpy.save_file(content, tmp_path / "part.safetensors")
    model = small()
    before = model.get_weights()
    with pytest.raises(FgmixError):
        load_torchvision(model, tmp_path / "part.safetensors", "small_net")
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_a_truncated_file_is_refused(refusal):
    content = safetensors_numpy.save(tensors())
    assert "damaged" in refusal(content[: len(content) // 2])


@pytest.mark.parametrize("length", [2**63, 2**40, 2**27])
def test_a_header_that_announces_more_than_there_is_is_refused(refusal, length):
    assert "not a safetensors file" in refusal(length.to_bytes(8, "little") + b"{" * 100)


@pytest.mark.parametrize("content", [b"", b"<html>404 Not Found</html>", b"PK\x03\x04" + bytes(99)])
def test_a_file_of_something_else_is_refused(refusal, content):
    assert "not a safetensors file" in refusal(content)


def test_without_the_package_its_group_is_named(refusal, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(FgmixError, match=r"needs the package safetensors: pip install 'fgmix\[hub"):
        load_torchvision(small(), "any.safetensors", "small_net")
