"""KerasHub presets that have a name of their own: what the registry says of them is so."""

from dataclasses import replace

import keras
import pytest

from fgmix.models import BACKBONES, build_classifier
from fgmix.models.backbones.registry import IN_WORDS
from fgmix.models.cost import cost
from tests.backbones import FROM_KERASHUB
from tests.hub_presets import keras_hub

QUICK = ("dinov2_small", "efficientnet_lite0")
NAMES = [
    name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in FROM_KERASHUB
]
OUTPUTS = {
    "dinov2_small": (16, 16, 2 * 384),
    "dinov2_base": (16, 16, 2 * 768),
    "siglip2_base": (14, 14, 768),
    "vit_base": (14, 14, 2 * 768),
    "efficientnet_lite0": (7, 7, 1280),
}
"""The feature map of an image of 224 pixels."""


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_costs_and_feature_map_are_those_of_the_network(name):
    entry = BACKBONES[name]
    model = entry.build(224, None)
    found = cost(model)
    assert (found.parameters, found.multiply_adds) == (entry.parameters, entry.multiply_adds)
    assert model.output_shape == (None, *OUTPUTS[name])
    assert entry.input_normalization("none") in [known for known, _ in IN_WORDS]


@pytest.mark.parametrize("name", FROM_KERASHUB)
def test_kerashub_downloads_the_preset_from_where_the_registry_says(name):
    preset = BACKBONES[name].preset
    known = keras_hub.models.Backbone.presets[preset.name]
    assert known["kaggle_handle"] == f"kaggle://{preset.handle}"


def test_the_vit_has_the_parameters_that_kerashub_states():
    entry = BACKBONES["vit_base"]
    stated = keras_hub.models.ViTBackbone.presets[entry.preset.name]["metadata"]["params"]
    assert entry.parameters == stated


def test_the_multiply_adds_of_a_transformer_by_hand():
    tokens, width, patches = 257, 384, 16 * 16
    block = tokens * (4 * width**2 + 2 * width * 1536) + 2 * tokens**2 * width
    assert BACKBONES["dinov2_small"].multiply_adds == patches * 14 * 14 * 3 * width + 12 * block


def test_a_classifier_with_random_weights_needs_no_download(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a download")

    monkeypatch.setattr(keras_hub.src.utils.preset_utils, "get_file", refuse)
    entry = BACKBONES["dinov2_small"]
    small = {**entry.preset.arguments, "num_layers": 1}
    preset = replace(entry.preset, arguments=small)
    from fgmix.models.backbones.registry import preset_entry

    monkeypatch.setitem(BACKBONES, "dinov2_small", preset_entry(preset, entry.normalization))
    model = build_classifier(3, "dinov2_small", "mixed", weights="none", image_size=28)
    assert model.get_layer("attention").input.shape == (None, 2, 2, 768)
    assert isinstance(model, keras.Model)
