"""The maps of a classifier, against values computed in other ways."""

import keras
import numpy as np
import pytest

from fgmix.explanation.energy import attention_energy
from fgmix.explanation.maps import MapMaker
from fgmix.explanation.names import MAP_NAMES
from fgmix.models import ATTENTIONS, build_classifier
from fgmix.models.classifier import ATTENTION_LAYER

CLASSES, SIZE = 3, 32


def build(attention, **kwargs):
    keras.utils.set_random_seed(1)
    return build_classifier(CLASSES, "tiny", attention, weights="none", image_size=SIZE, **kwargs)


def images(count=3):
    rng = np.random.default_rng(0)
    return rng.uniform(0, 255, (count, SIZE, SIZE, 3)).astype("float32")


def inside(model, layer_input=False):
    layer = model.get_layer(ATTENTION_LAYER)
    return keras.Model(model.input, layer.input if layer_input else layer.output)


@pytest.mark.slow
@pytest.mark.parametrize("attention", ATTENTIONS)
def test_every_attention_has_its_maps(attention):
    model = build(attention)
    seen = MapMaker(model)(images())
    weighs = attention in ("spatial", "mixed", "cbam")
    assert set(seen.heat) == set(MAP_NAMES) - (set() if weighs else {"spatial"})
    for heat in seen.heat.values():
        assert heat.dtype == np.float32
        assert heat.shape[0] == 3
        assert heat.min() >= 0
        assert heat.max() <= 1
    np.testing.assert_allclose(seen.probabilities, model(images(), training=False), atol=1e-6)


def test_energies_are_of_the_features_before_and_after():
    model = build("mixed")
    seen = MapMaker(model)(images())
    before = attention_energy(inside(model, True)(images())).numpy()
    after = attention_energy(inside(model)(images())).numpy()
    np.testing.assert_allclose(seen.heat["before"], before, atol=1e-5)
    np.testing.assert_allclose(seen.heat["energy"], after, atol=1e-5)
    assert np.abs(before - after).max() > 0.01


def test_without_attention_the_energy_stays_what_it_was():
    seen = MapMaker(build("none"))(images())
    np.testing.assert_array_equal(seen.heat["before"], seen.heat["energy"])


def test_the_spatial_map_is_what_multiplies_the_features():
    model = build("spatial", gate="sigmoid")
    features = np.asarray(inside(model, True)(images()))
    ratio = np.asarray(inside(model)(images())).sum(axis=-1) / features.sum(axis=-1)
    low, high = (f(ratio, axis=(1, 2), keepdims=True) for f in (np.min, np.max))
    seen = MapMaker(model)(images())
    np.testing.assert_allclose(seen.heat["spatial"], (ratio - low) / (high - low), atol=1e-2)


def test_grad_cam_agrees_with_differences():
    """Returns the gradient by finite differences of every channel, through the head alone."""
    model = build("channel", pooling="avg")
    names = [layer.name for layer in model.layers]
    head = model.layers[names.index(ATTENTION_LAYER) + 1 : names.index("logits") + 1]
    attended = np.asarray(inside(model)(images(1)))

    def logits(features):
        for layer in head:
            features = layer(features, training=False)
        return np.asarray(features, "float64")

    # With average pooling the gradient is equal at every position: the channel's, divided.
    _, height, width, channels = attended.shape
    step = 0.05 * np.eye(channels, dtype="float32")[:, None, None, :]
    slopes = (logits(attended + step) - logits(attended - step)) / 0.1 / (height * width)
    maker, compared = MapMaker(model), 0
    for index in range(CLASSES):
        cam = np.maximum(attended[0] @ slopes[:, index], 0)
        if np.ptp(cam) > 1e-3:
            expected = (cam - cam.min()) / np.ptp(cam)
            heat = maker(images(1), index).heat["gradcam"][0]
            np.testing.assert_allclose(heat, expected, atol=0.02)
            compared += 1
    assert compared


def test_grad_cam_is_of_the_chosen_class():
    maker = MapMaker(build("mixed"))
    seen = maker(images(1))
    of_all = [maker(images(1), index).heat["gradcam"] for index in range(CLASSES)]
    np.testing.assert_array_equal(seen.heat["gradcam"], of_all[int(seen.probabilities[0].argmax())])
    assert len({one.tobytes() for one in of_all}) > 1


@pytest.mark.slow
def test_several_classifiers_are_traced_once_each_and_without_a_warning(caplog):
    makers = [MapMaker(build(attention)) for attention in ATTENTIONS]
    for count in (1, 2, 1):
        for maker in makers:
            assert maker(images(count)).probabilities.shape == (count, CLASSES)
            assert maker.classify(images(count)).shape == (count, CLASSES)
    assert len(makers) > 5  # TensorFlow would warn from the fifth on
    assert "retracing" not in caplog.text
