"""Feature maps of other depths beside the last one."""

import keras
import numpy as np
import pytest

from fgmix.errors import FgmixError
from fgmix.models import build_classifier
from fgmix.models.backbones.levels import level_layers, side_by_side
from fgmix.models.blocks import backbone_blocks
from fgmix.models.split import split_model
from tests.families import inverted_residuals


def classifier(features, attention="mixed", **settings):
    settings = {"image_size": 64, "pooling": "avg", "head": "linear"} | settings
    return build_classifier(3, features, attention, feature_maps="levels", **settings)


def test_the_expansions_of_the_last_block_and_of_the_last_stride_lie_beside_the_last_map():
    features = inverted_residuals()
    assert level_layers(features) == ["two_expand_relu", "three_expand_relu"]
    model = classifier(features, "none")
    images = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 3)).astype("float32")
    maps = keras.Model(
        features.inputs,
        [features.output, *(features.get_layer(name).output for name in level_layers(features))],
    )
    last, two, three = (np.asarray(found) for found in maps(images))
    assert two.shape[1] == 2 * last.shape[1]
    averaged = two.reshape(2, 8, 2, 8, 2, -1).mean(axis=(2, 4))
    found = keras.Model(model.input, model.get_layer("attention").input)(images)
    expected = np.concatenate([last, averaged, three], axis=-1)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("size", [33, 47, 64])
def test_maps_of_odd_sides_fit_together(size):
    model = classifier(inverted_residuals(size), image_size=size)
    assert model.get_layer("attention").input.shape[1:3] == (-(-size // 8), -(-size // 8))


def test_attention_changes_the_last_map_alone():
    model = classifier(inverted_residuals())
    attention = model.get_layer("attention")
    attention.scale.assign(np.ones(attention.scale.shape))
    views = keras.Model(model.input, [attention.input, attention.output])
    images = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 3)).astype("float32")
    before, after = (np.asarray(found) for found in views(images))
    changed = np.abs(after - before).max(axis=(0, 1, 2)) > 0
    np.testing.assert_array_equal(changed[attention.channels :], False)
    assert changed[: attention.channels].any()


def test_levels_are_in_no_block_and_the_head_is_split_off_behind_them():
    features = inverted_residuals()
    model, alone = classifier(features), build_classifier(3, inverted_residuals(), image_size=64)
    kernels = [[layer.name for layer in block if layer.weights] for block in backbone_blocks(model)]
    assert kernels == [
        [layer.name for layer in block if layer.weights] for block in backbone_blocks(alone)
    ]
    parts = split_model(model)
    images = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 3)).astype("float32")
    np.testing.assert_allclose(parts.head(parts.backbone(images)), model(images), atol=1e-6)


def test_a_backbone_without_expansions_gives_its_last_map_alone():
    model = classifier("tiny", weights="none")
    assert model.get_layer("attention").input.shape == (None, 4, 4, 128)
    assert model.get_layer("attention").channels is None
    last = keras.Input((4, 4, 8))
    assert side_by_side(last, []) is last


@pytest.mark.parametrize("settings", [{"head": "paper"}, {"pooling": "flatten"}])
def test_levels_need_a_linear_head_on_averages(settings):
    with pytest.raises(FgmixError, match="levels"):
        classifier("tiny", weights="none", **settings)
