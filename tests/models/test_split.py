"""The parts of a classifier do together what the classifier does."""

import keras
import numpy as np
import pytest

from fgmix.models.attention import ATTENTIONS
from fgmix.models.classifier import build_classifier, parameter_groups
from fgmix.models.split import split_model

SIZE = 32
MEAN_WISE = ("none", "channel", "conv")


def classifier(attention, pooling, **settings):
    keras.utils.set_random_seed(3)
    settings = {"weights": "none", "image_size": SIZE, "reduction": 2} | settings
    model = build_classifier(5, "tiny", attention, pooling=pooling, **settings)
    # Biases and statistics start at 0 and 1, where many mistakes don't show.
    rng = np.random.default_rng(0)
    for variable in model.variables:
        if len(variable.shape) == 1 and "seed" not in variable.path:
            variable.assign(rng.uniform(0.5, 1.5, variable.shape))
    return model


def images(count=4):
    """Noise, each brighter than the one before."""
    noise = np.random.default_rng(1).uniform(0, 255, (count, SIZE, SIZE, 3))
    return (noise * np.linspace(0.1, 1, count)[:, None, None, None]).astype(np.float32)


def features(parts, photos):
    maps = np.asarray(parts.backbone(photos, training=False))
    return maps.mean(axis=(1, 2), keepdims=True) if parts.takes_means else maps


@pytest.mark.slow
@pytest.mark.parametrize("pooling", ["avg", "flatten"])
@pytest.mark.parametrize("attention", ATTENTIONS)
def test_backbone_and_head_together_give_the_classifiers_output(attention, pooling):
    model = classifier(attention, pooling, head_bn="both", dropout=0.5)
    parts = split_model(model)
    assert parts.takes_means == (pooling == "avg" and attention in MEAN_WISE)
    expected = np.asarray(model(images(), training=False))
    found = np.asarray(parts.head(features(parts, images()), training=False))
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-6)
    # Outputs differ between the images by more than the tolerance.
    assert np.ptp(expected, axis=0).max() > 5e-5


@pytest.mark.slow
@pytest.mark.parametrize("attention", ATTENTIONS)
def test_training_the_head_trains_the_classifier(attention):
    model = classifier(attention, "avg")
    parts = split_model(model)
    groups = parameter_groups(parts.head)
    assert groups["backbone"] == []
    by_path = {variable.path for variable in parameter_groups(model)["head"]}
    assert {variable.path for variable in groups["head"]} == by_path
    parts.head.compile("sgd", "categorical_crossentropy")
    before = np.asarray(model(images(), training=False))
    parts.head.train_on_batch(features(parts, images()), np.eye(5, dtype=np.float32)[:4])
    assert np.abs(np.asarray(model(images(), training=False)) - before).max() > 1e-4


def test_the_classifier_is_saved_as_if_it_had_never_been_split(tmp_path):
    model = classifier("mixed", "avg", dropout=0.5)
    names = [layer.name for layer in model.layers]
    split_model(model)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", compile=False)
    assert [layer.name for layer in loaded.layers] == names
    np.testing.assert_array_equal(model(images()), loaded(images()))
    attended = keras.Model(model.input, model.get_layer("attention").output)  # as heat maps do
    assert attended(images()).shape[1:] == model.get_layer("attention").input.shape[1:]


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_stays_near(policy):
    keras.config.set_dtype_policy(policy)
    try:
        model = classifier("mixed", "avg")
        parts = split_model(model)
    finally:
        keras.config.set_dtype_policy("float32")
    expected = np.asarray(model(images(), training=False))
    maps = np.asarray(parts.backbone(images(), training=False), np.float32)
    found = np.asarray(parts.head(maps, training=False))
    np.testing.assert_allclose(found, expected, atol=0.03)
    assert parts.head.dtype_policy.name == model.dtype_policy.name
