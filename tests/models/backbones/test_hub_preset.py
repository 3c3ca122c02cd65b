"""Names and folders of KerasHub presets, told apart and checked without KerasHub."""

import hashlib
import json

import pytest

from fgmix.errors import FgmixError
from fgmix.models.backbones.hub_preset import HubPreset, patch_of

KERAS = {
    "registered_name": "keras_hub>ViTBackbone",
    "class_name": "ViTBackbone",
    "config": {"patch_size": [16, 16]},
}
TRANSFORMERS = {"model_type": "dinov2", "patch_size": 14}
CONVERTER, PREPROCESSOR = {"image_converter__json": b"{}"}, {"preprocessor_config__json": b"{}"}
TIMM = {"architecture": "resnet50", "num_classes": 10}


@pytest.fixture
def preset(tmp_path):
    """Writes a preset folder with a config and other files, and returns it."""

    def preset(config=KERAS, **files):
        folder = tmp_path / "preset"
        folder.mkdir()
        if config is not None:
            (folder / "config.json").write_text(
                config if isinstance(config, str) else json.dumps(config)
            )
        for name, content in files.items():
            (folder / name.replace("__", ".")).write_bytes(content)
        return HubPreset(str(folder))

    return preset


def refusal(preset, weights=True):
    with pytest.raises(FgmixError) as caught:
        preset.check(weights)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    "name", ["dinov2_small", "hf://google/vit", "kaggle://keras/vit/keras/b/2"]
)
def test_names_and_addresses_are_no_folders(name):
    preset = HubPreset(name)
    assert preset.folder is None
    assert preset.config is None
    preset.check(weights=True)


@pytest.mark.parametrize("name", ["/data/vit", "./vit", "../vit", "data/vit", "~/vit", "."])
def test_paths_are_folders(name):
    assert HubPreset(name).folder is not None


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("dinov2_small", "dinov2_small"),
        ("/data/my net/", "my_net"),
        ("hf://google/vit-base-patch16-224", "google_vit_base_patch16_224"),
    ],
)
def test_a_preset_has_a_short_name(name, short):
    assert HubPreset(name).short == short


def test_a_folder_that_does_not_exist_is_named_with_the_choices(tmp_path):
    message = refusal(HubPreset(str(tmp_path / "nowhere")))
    assert f"there is no folder '{tmp_path / 'nowhere'}'" in message
    assert "hf://" in message


@pytest.mark.parametrize(
    ("config", "files", "fault"),
    [
        (None, {}, "it has no config.json"),
        ("{", {}, "its config.json can't be read"),
        ("[1]", {}, "not that of a KerasHub, Hugging Face or timm model"),
        ({"name": "mine"}, {}, "not that of a KerasHub, Hugging Face or timm model"),
        (KERAS, {}, "it has no image_converter.json, which says how images are normalised"),
        (TRANSFORMERS, {}, "it has no preprocessor_config.json, which says how images are"),
        (KERAS, CONVERTER, "it has no model.weights.h5"),
        (KERAS, CONVERTER | {"model__safetensors": b"x"}, "it has no model.weights.h5"),
        (TRANSFORMERS, PREPROCESSOR | {"model__h5": b"x"}, "it has no model.safetensors"),
        (TIMM, {}, "it has no model.safetensors"),
    ],
)
def test_a_folder_that_is_not_whole_is_refused(preset, config, files, fault):
    found = preset(config, **files)
    message = refusal(found)
    assert message.startswith(f"the preset folder {found.folder} is not whole: ")
    assert fault in message


def test_a_folder_of_a_text_model_is_refused(preset):
    found = preset({"registered_name": "keras_hub>BertBackbone", "class_name": "BertBackbone"})
    message = refusal(found)
    assert "holds a BertBackbone, which is no image backbone that fgmix can use" in message
    assert message.endswith("SigLIP, SigLIPVisionEncoder, VGG, ViT, Xception")


def test_without_the_wish_for_weights_none_are_needed(preset):
    preset(KERAS, **CONVERTER).check(weights=False)


def test_the_hash_is_that_of_the_file(preset):
    found = preset(KERAS, model__weights__h5=b"weights")
    assert found.sha256() == hashlib.sha256(b"weights").hexdigest()


def test_the_hash_of_several_files_changes_with_each_of_them(preset):
    parts = {"a": "m-1.safetensors", "b": "m-2.safetensors", "c": "m-1.safetensors"}
    index = json.dumps({"weight_map": parts}).encode()
    found = preset(TRANSFORMERS, **PREPROCESSOR, **{"model.safetensors.index.json": index})
    assert "it has no m-1.safetensors" in refusal(found)
    (found.folder / "m-1.safetensors").write_bytes(b"1")
    assert "it has no m-2.safetensors" in refusal(found)
    (found.folder / "m-2.safetensors").write_bytes(b"2")
    found.check(weights=True)
    before = found.sha256()
    (found.folder / "m-2.safetensors").write_bytes(b"3")
    assert found.sha256() != before


@pytest.mark.parametrize(
    ("config", "patch"),
    [
        (KERAS, 16),
        (TRANSFORMERS, 14),
        (TIMM, None),
        ({"model_type": "siglip", "vision_config": {"patch_size": 32}}, 32),
        (
            {
                "registered_name": "keras_hub>SigLIPBackbone",
                "config": {"vision_encoder": {"config": {"patch_size": 8}}},
            },
            8,
        ),
        (None, None),
    ],
)
def test_the_patch_is_read_from_the_config(config, patch):
    assert patch_of(config) == patch
