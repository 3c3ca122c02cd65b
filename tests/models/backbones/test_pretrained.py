"""Backbone weights from files and downloads, and the errors when they can't be loaded."""

import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from fgmix.errors import FgmixError
from fgmix.models import BACKBONES, build_classifier
from fgmix.models.backbones.pretrained import build_features
from fgmix.models.backbones.tiny import build_tiny
from fgmix.models.backbones.torchvision_weights import TENSORS
from fgmix.models.backbones.weight_sources import HubFile

REAL = Path(__file__).parents[4] / "shared/weights/mobilenet_v2_1.0_224_imagenet_notop.weights.h5"
TORCHVISION = ["vgg16_bn", "resnet50_torch"]


def build(name="tiny", weights="none", size=32):
    return build_features(name, BACKBONES[name], size, str(weights))


def outputs(model, size=32):
    images = np.random.default_rng(0).uniform(-1, 1, (2, size, size, 3)).astype("float32")
    return np.asarray(model(images))


def refusal(name, weights, size=32):
    """The one-line error message for the weights."""
    with pytest.raises(FgmixError) as caught:
        build(name, weights, size)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.fixture(scope="module")
def trained():
    """A `tiny` whose every weight, moving statistics included, differs from a fresh one's."""
    model = build_tiny(32)
    rng = np.random.default_rng(0)
    model.set_weights([rng.uniform(0.1, 0.5, w.shape) for w in model.weights])
    return model


@pytest.fixture(scope="module")
def saved(trained, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "tiny.weights.h5"
    trained.save_weights(path)
    return path


def test_a_file_of_the_same_backbone_gives_the_same_features(trained, saved):
    np.testing.assert_array_equal(outputs(build(weights=saved)), outputs(trained))
    assert not np.allclose(outputs(build()), outputs(trained))


def test_a_file_fits_another_image_size(trained, saved):
    larger = build(weights=saved, size=48)
    for mine, theirs in zip(larger.get_weights(), trained.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_classifier_takes_the_file(trained, saved):
    model = build_classifier(3, "tiny", "none", weights=str(saved), image_size=32)
    kernels = [m.get_layer("block4_conv2").get_weights()[0] for m in (model, trained)]
    np.testing.assert_array_equal(*kernels)


def test_batch_normalisation_adapts_in_a_few_steps():
    layers = [layer for layer in build("mobilenet_v2").layers if hasattr(layer, "moving_mean")]
    assert len(layers) == 52
    assert {layer.momentum for layer in layers} == {0.9}


def assert_says_what_to_do(message, path, name):
    assert str(path) in message
    assert name in message
    assert "--weights" in message


def test_a_file_of_another_backbone_is_refused(saved):
    assert_says_what_to_do(refusal("vgg16", saved), saved, "vgg16")


def test_a_file_of_a_part_of_the_backbone_is_refused(tmp_path):
    whole = build_tiny(32)
    part = keras.Model(whole.input, whole.get_layer("block3_pool").output)
    part.save_weights(tmp_path / "part.weights.h5")
    message = refusal("tiny", tmp_path / "part.weights.h5")
    assert_says_what_to_do(message, tmp_path / "part.weights.h5", "tiny")


def test_a_truncated_file_is_refused(saved, tmp_path):
    content = saved.read_bytes()
    path = tmp_path / "half.weights.h5"
    path.write_bytes(content[: len(content) // 2])
    assert_says_what_to_do(refusal("tiny", path), path, "tiny")


@pytest.mark.parametrize("content", [b"", b"<html>404 Not Found</html>"])
def test_a_file_of_something_else_is_refused(tmp_path, content):
    path = tmp_path / "page.weights.h5"
    path.write_bytes(content)
    assert_says_what_to_do(refusal("tiny", path), path, "tiny")


def test_the_new_format_under_the_suffix_of_the_old_is_refused(saved, tmp_path):
    path = tmp_path / "tiny.h5"
    path.write_bytes(saved.read_bytes())
    assert_says_what_to_do(refusal("tiny", path), path, "tiny")


@pytest.mark.parametrize("name", ["model.keras", "weights.pth", "weights"])
def test_another_suffix_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"whatever")
    message = refusal("tiny", tmp_path / name)
    assert str(tmp_path / name) in message
    assert ".weights.h5" in message


def test_a_missing_file_is_named_with_the_choices(tmp_path):
    message = refusal("tiny", tmp_path / "nowhere.weights.h5")
    assert str(tmp_path / "nowhere.weights.h5") in message
    assert "--weights takes imagenet, none, or the path of a file" in message


def test_a_folder_is_not_a_weights_file(tmp_path):
    assert str(tmp_path) in refusal("tiny", tmp_path)


def test_a_backbone_without_imagenet_weights_says_so():
    message = refusal("tiny", "imagenet")
    assert "tiny has no ImageNet weights" in message
    assert "--weights none" in message


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        # Keras's errors without network, for the web page of a proxy, and for a full disk.
        (Exception("URL fetch failure on https://x/y.h5: None -- [Errno -2] no name"), "no name"),
        (ValueError("Incomplete or corrupted file detected.\nThe md5 file hash"), "corrupted"),
        (OSError(28, "No space left on device"), "No space left"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_a_failed_download_says_how_to_get_the_file(monkeypatch, error, reason):
    def fail(image_size, weights):
        if weights == "imagenet":
            raise error

    monkeypatch.setitem(BACKBONES, "vgg16", replace(BACKBONES["vgg16"], build=fail))
    message = refusal("vgg16", "imagenet")
    assert "vgg16" in message
    assert reason in message
    assert "fetch https://" in message
    assert "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5" in message
    assert "give that file as --weights FILE" in message
    assert "--weights none" in message


@pytest.mark.slow
@pytest.mark.parametrize("name", TORCHVISION)
def test_a_hub_that_cannot_be_reached_says_how_to_get_the_file(monkeypatch, name):
    def fail(source):
        raise ConnectionError("[Errno 111] Connection refused")

    monkeypatch.setattr(HubFile, "fetch", fail)
    message = refusal(name, "imagenet")
    assert f"weights of {name} ([Errno 111] Connection refused)" in message
    repo = BACKBONES[name].source.repo
    assert f"fetch model.safetensors of https://huggingface.co/{repo}" in message
    assert "give that file as --weights FILE" in message


def test_without_the_hubs_package_the_group_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert "pip install 'fgmix[hub]'" in refusal("vgg16_bn", "imagenet")


@pytest.mark.parametrize("name", BACKBONES)
def test_a_too_small_image_size_names_the_smallest(name):
    least = BACKBONES[name].min_size
    message = refusal(name, "none", size=least - 1)
    assert f"image size {least - 1} is too small for {name}" in message
    assert f"--image-size {least} or more" in message


# Files in torchvision's format


@pytest.fixture(scope="module")
def torchvision_file(tmp_path_factory):
    """Weights for `vgg16_bn`: each tensor filled with a number of its own."""
    numpy = pytest.importorskip("safetensors.numpy", reason="safetensors is not installed")
    tensors = {}
    for layer in BACKBONES["vgg16_bn"].build(32, None).layers:
        for variable in layer.variables:
            shape = tuple(variable.shape)
            shape = (shape[3], shape[2], *shape[:2]) if len(shape) == 4 else shape
            key = f"{layer.name.replace('_', '.')}.{TENSORS[variable.name]}"
            tensors[key] = np.full(shape, len(tensors), "float32")
    path = tmp_path_factory.mktemp("torchvision") / "model.safetensors"
    numpy.save_file(tensors, path)
    return path


def test_a_torchvision_file_is_read_by_the_suffix(torchvision_file):
    values = [w.flat[0] for w in build("vgg16_bn", torchvision_file).get_weights()]
    assert values == list(range(13 * 6))


def test_imagenet_is_the_hubs_file(torchvision_file, monkeypatch):
    monkeypatch.setattr(HubFile, "fetch", lambda source: torchvision_file)
    model = build_classifier(3, "vgg16_bn", "none", weights="imagenet", image_size=32)
    assert model.get_layer("features_1").get_weights()[0].flat[0] == 2


def test_a_torchvision_file_of_another_network_is_refused(torchvision_file):
    message = refusal("resnet50_torch", torchvision_file)
    assert f"{torchvision_file} does not hold the weights of resnet50_torch" in message
    assert "missing conv1.weight, bn1.weight, bn1.bias and 262 more" in message
    assert "unknown features.0.bias, features.0.weight, features.1.bias and 75 more" in message


def test_a_backbone_without_torchvision_form_says_which_have_one(tmp_path):
    (tmp_path / "model.safetensors").touch()
    message = refusal("resnet50", tmp_path / "model.safetensors")
    assert f"{tmp_path / 'model.safetensors'}: resnet50 reads no .safetensors files" in message
    assert ".h5" in message
    assert "--backbone vgg16_bn or resnet50_torch" in message


def test_a_torchvision_backbone_also_reads_what_keras_saved(tmp_path):
    model = BACKBONES["vgg16_bn"].build(32, None)
    model.save_weights(tmp_path / "mine.weights.h5")
    loaded = build("vgg16_bn", tmp_path / "mine.weights.h5")
    for mine, theirs in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.slow
@pytest.mark.skipif(not REAL.is_file(), reason="no MobileNetV2 weights at ../shared/weights")
def test_the_real_mobilenet_weights_load():
    model = build("mobilenet_v2", REAL, size=96)
    reference = keras.applications.MobileNetV2(
        include_top=False, weights=None, input_shape=(96, 96, 3)
    )
    random = outputs(reference, 96)
    reference.load_weights(REAL)
    np.testing.assert_array_equal(outputs(model, 96), outputs(reference, 96))
    assert np.abs(outputs(model, 96) - random).max() > 0.1
