"""Vision transformers from KerasHub presets against KerasHub's own models with the same weights."""

import gc

import keras
import numpy as np
import pytest

from fgmix.errors import FgmixError
from fgmix.models import build_classifier
from fgmix.models.backbones.hub_preset import HubPreset
from fgmix.models.backbones.keras_hub import build_preset
from tests import hub_presets
from tests.hub_presets import normalized, photos, run

SIZE = 32
"""Side of the images that the presets are made for."""
BEFORE = {"vit": 1, "deit": 2, "dinov2": 1, "dinov2 with registers": 3, "dinov3": 4, "clip": 1}
"""Tokens before the patches, the class token first."""
OWN = ["vit", "deit", "dinov2", "dinov2 with registers", "siglip", "clip"]
"""Families whose network is made of fgmix's layers."""
FAMILIES = [*OWN, "dinov3"]


@pytest.fixture(scope="module", params=FAMILIES)
def preset(request, tmp_path_factory):
    """A preset of every family: its name, its folder and KerasHub's own model."""
    folder = tmp_path_factory.mktemp("presets") / request.param.replace(" ", "_")
    return request.param, folder, hub_presets.save(request.param, folder)


def tokens_of(name, backbone, images):
    """The tokens of KerasHub's own model."""
    tower = getattr(backbone, "vision_encoder", backbone)
    if name == "siglip":  # without its pooling
        tower = keras.Model(tower.input, tower.post_layer_norm.output)
    return run(tower, images)


def map_of(name, tokens):
    """The map that DESIGN asks for, from tokens `(n, t, c)`."""
    before = BEFORE.get(name, 0)
    patches = tokens[:, before:]
    side = round(patches.shape[1] ** 0.5)
    maps = patches.reshape(len(tokens), side, side, -1)
    if not before:
        return maps
    classes = np.broadcast_to(tokens[:, None, None, 0], maps.shape)
    return np.concatenate([maps, classes], axis=-1)


@pytest.mark.slow
def test_the_map_holds_kerashubs_tokens(preset):
    name, folder, backbone = preset
    model = build_preset(HubPreset(str(folder)), SIZE)
    images = normalized(photos(2, SIZE))
    expected = map_of(name, tokens_of(name, backbone, images))
    np.testing.assert_allclose(run(model, images), expected, rtol=1e-4, atol=1e-4)
    assert np.ptp(expected) > 0.1


@pytest.mark.slow
def test_another_size_has_another_map(preset):
    _, folder, _ = preset
    small, large = (build_preset(HubPreset(str(folder)), side) for side in (SIZE, 2 * SIZE))
    assert large.output_shape[1] == 2 * small.output_shape[1]
    assert large.output_shape[3] == small.output_shape[3]
    assert large.count_params() == small.count_params()
    assert np.isfinite(run(large, normalized(photos(1, 2 * SIZE)))).all()


@pytest.mark.slow
def test_a_classifier_is_saved_and_loaded_with_the_same_numbers(preset, tmp_path):
    _, folder, _ = preset
    model = build_classifier(3, f"hub:{folder}", "mixed", image_size=SIZE, pooling="avg")
    hub_presets.randomize(model, seed=1)  # as after training
    images = photos(2, SIZE)
    before = run(model, images)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_array_equal(run(again, images), before)


@pytest.mark.slow
@pytest.mark.parametrize("family", OWN)
def test_the_network_is_made_of_kerass_and_our_own_layers(family, tmp_path):
    hub_presets.save(family, tmp_path / "preset")
    model = build_classifier(3, f"hub:{tmp_path / 'preset'}", "none", image_size=32)
    modules = {type(layer).__module__.split(".")[0] for layer in model.layers}
    assert modules == {"keras", "fgmix"}


def text_towers():
    return sum(type(thing).__name__ == "SigLIPTextEncoder" for thing in gc.get_objects())


@pytest.mark.slow
def test_the_text_tower_is_not_kept_in_memory(tmp_path):
    hub_presets.save("siglip", tmp_path / "preset")
    gc.collect()
    before = text_towers()
    model = build_preset(HubPreset(str(tmp_path / "preset")), 32)
    assert text_towers() == before
    assert model.output_shape == (None, 4, 4, 16)


@pytest.mark.slow
def test_the_text_tower_is_no_part_of_the_network(tmp_path):
    backbone = hub_presets.save("siglip", tmp_path / "preset")
    model = build_preset(HubPreset(str(tmp_path / "preset")), 32)
    tower = backbone.vision_encoder
    # Positions' indices are counted by KerasHub as parameters, and its pooling is left out.
    pooling = tower.head.count_params()
    assert model.count_params() == tower.count_params() - pooling - 16


@pytest.mark.parametrize(
    ("size", "near"), [(30, "24 or 32"), (33, "32 or 40"), (5, "8"), (225, "224 or 232")]
)
def test_a_size_that_is_no_multiple_of_the_patch_names_the_nearest(tmp_path, size, near):
    hub_presets.save("vit", tmp_path / "preset")
    with pytest.raises(FgmixError) as caught:
        build_preset(HubPreset(str(tmp_path / "preset")), size)
    assert f"image size {size} is no multiple of 8" in str(caught.value)
    assert str(caught.value).endswith(f"use --image-size {near}")
