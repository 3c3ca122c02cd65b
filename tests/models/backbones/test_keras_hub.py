"""Backbones from KerasHub presets against KerasHub itself, and what is refused."""

import shutil

import keras
import numpy as np
import pytest

from fgmix.errors import FgmixError
from fgmix.models import BACKBONES, build_classifier
from fgmix.models.backbones.checks import check_backbone
from fgmix.models.backbones.hub_preset import HubPreset
from fgmix.models.backbones.keras_hub import (
    build_preset,
    image_normalization,
    preset_sha256,
    require_preset,
)
from fgmix.models.backbones.pretrained import build_features
from tests import hub_presets
from tests.hub_presets import OFFSET, SCALE, keras_hub, normalized, photos, run


@pytest.fixture(scope="module")
def resnet(tmp_path_factory):
    """A convolutional preset: its folder and KerasHub's own model."""
    folder = tmp_path_factory.mktemp("presets") / "resnet"
    return folder, hub_presets.save("resnet", folder)


def features_of(model):
    """The feature map that goes into a classifier's attention."""
    return keras.Model(model.input, model.get_layer("attention").input)


def refusal(call, *args):
    with pytest.raises(FgmixError) as caught:
        call(*args)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.slow
def test_a_classifier_sees_what_kerashub_sees(resnet):
    folder, reference = resnet
    model = build_classifier(3, f"hub:{folder}", "none", image_size=32, pooling="avg")
    expected = run(reference, normalized(photos()))
    found = keras.ops.convert_to_numpy(features_of(model)(photos()))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    assert np.abs(expected).max() > 0.1


def test_the_classifier_has_weights_of_its_own(resnet):
    folder, reference = resnet
    model = build_classifier(3, f"hub:{folder}", "none", image_size=32)
    assert not {id(w) for w in model.weights} & {id(w) for w in reference.weights}


def test_any_size_is_built(resnet):
    folder, reference = resnet
    found = build_preset(HubPreset(str(folder)), 64)
    assert found.input_shape == (None, 64, 64, 3)
    assert found.output_shape[1:] == run(reference, photos(1, 64)).shape[1:]


def test_without_weights_the_network_is_random(resnet):
    folder, reference = resnet
    random = build_preset(HubPreset(str(folder)), 32, pretrained=False)
    assert random.count_params() == reference.count_params()
    assert not np.allclose(run(random, photos()), run(reference, photos()))


@pytest.mark.slow
def test_of_the_maps_of_all_stages_the_last_is_taken(tmp_path):
    reference = hub_presets.save("hgnetv2", tmp_path / "preset")
    model = build_classifier(3, f"hub:{tmp_path / 'preset'}", "none", image_size=32)
    found = keras.ops.convert_to_numpy(features_of(model)(photos()))
    expected = reference(normalized(photos()), training=False)["stage2"]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    assert found.shape == (2, 4, 4, 32)


def test_the_normalisation_is_the_image_converters(resnet):
    assert image_normalization(HubPreset(str(resnet[0]))) == {"scale": SCALE, "offset": OFFSET}


def test_the_hash_is_that_of_the_folders_file(resnet):
    preset = HubPreset(str(resnet[0]))
    assert preset_sha256(preset) == preset.sha256()


def test_a_preset_without_image_converter_is_refused(tmp_path):
    hub_presets.save("resnet", tmp_path / "bare", converter=False)
    message = refusal(HubPreset(str(tmp_path / "bare")).check, False)
    assert str(tmp_path / "bare") in message
    assert "image_converter.json" in message


# Bad presets


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("efficientnet_b0_ra_imagnet", "efficientnet_b0_ra_imagenet"),
        ("resnet50_imagenet", "resnet_50_imagenet"),
    ],
)
def test_an_unknown_preset_names_the_nearest(name, near):
    message = refusal(require_preset, HubPreset(name))
    assert f"no preset {name!r}: did you mean hub:{near}?" in message


def test_a_folder_without_a_slash_says_how_to_write_it(tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path)
    assert "hub:./mine" in refusal(require_preset, HubPreset("mine"))


@pytest.mark.parametrize("name", ["bert_base_en", "whisper_tiny_en"])
def test_a_preset_of_text_or_audio_is_refused_without_a_download(name):
    message = refusal(require_preset, HubPreset(name))
    assert f"hub:{name} is a preset of text, audio or something else" in message
    assert "ResNet" in message


def test_weights_of_another_size_are_refused(resnet, tmp_path):
    folder = tmp_path / "mixed up"
    shutil.copytree(resnet[0], folder)
    config = folder / "config.json"
    config.write_text(config.read_text().replace("96", "80"))
    message = refusal(build_preset, HubPreset(str(folder)), 32)
    assert f"the preset folder {folder} can't be used" in message


def test_damaged_weights_are_refused(resnet, tmp_path):
    folder = tmp_path / "damaged"
    shutil.copytree(resnet[0], folder)
    (folder / "model.weights.h5").write_bytes(b"<html>404</html>")
    assert str(folder) in refusal(build_preset, HubPreset(str(folder)), 32)


def test_the_group_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setattr("fgmix.models.backbones.checks.find_spec", lambda name: None)
    name = "hub:dinov2_small"
    message = refusal(check_backbone, name, BACKBONES[name], 224, "imagenet")
    assert (
        message == f"--backbone {name} needs the package keras_hub: pip install 'fgmix[kerashub]'"
    )


@pytest.mark.parametrize("name", ["dinov2_small", "kaggle://keras/vit/keras/b/1"])
def test_without_network_it_says_how_to_bring_the_preset(name, monkeypatch):
    def refuse(*args, **kwargs):
        try:
            raise OSError(-2, "Name or service not known")
        except OSError:
            raise ValueError("Max retries exceeded with url: /v1/models\nmore") from None

    monkeypatch.setattr(keras_hub.src.utils.preset_utils, "get_file", refuse)
    message = refusal(build_preset, HubPreset(name), 224)
    assert f"could not get the preset {name} ([Errno -2] Name or service not known)" in message
    assert "save_to_preset('FOLDER')" in message
    assert message.endswith("--backbone hub:FOLDER")


def test_an_unreachable_hugging_face_hub_is_asked_once(monkeypatch, capfd):
    hub = pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    asked = []

    def refuse(url, timeout):
        asked.append(url)
        raise ConnectionError("[Errno -2] Name or service not known")

    monkeypatch.setattr(hub, "get_hf_file_metadata", refuse)
    message = refusal(build_preset, HubPreset("hf://google/nothing"), 224)
    assert "the preset hf://google/nothing ([Errno -2] Name or service not known)" in message
    assert len(asked) == 1
    assert asked[0].endswith("google/nothing/resolve/main/config.json")
    assert capfd.readouterr().err == ""


def test_a_weights_file_of_another_size_is_refused(resnet, tmp_path):
    other = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Conv2D(4, 3)])
    other.save_weights(tmp_path / "other.weights.h5")
    name = f"hub:{resnet[0]}"
    file = str(tmp_path / "other.weights.h5")
    message = refusal(build_features, name, BACKBONES[name], 32, file)
    assert f"{file} does not hold the weights of {name}" in message


@pytest.mark.slow
def test_a_weights_file_of_the_same_network_is_taken(resnet, tmp_path):
    name = f"hub:{resnet[0]}"
    whole = build_features(name, BACKBONES[name], 32, "imagenet")
    whole.save_weights(tmp_path / "mine.weights.h5")
    again = build_features(name, BACKBONES[name], 32, str(tmp_path / "mine.weights.h5"))
    np.testing.assert_array_equal(run(again, photos()), run(whole, photos()))
