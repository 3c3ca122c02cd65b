"""A classifier for another image size."""

import keras
import numpy as np
import pytest

from fgmix.models.classifier import build_classifier
from fgmix.models.resized import at_size


def classifier(backbone, image_size):
    return build_classifier(
        3, backbone, "mixed", weights="none", image_size=image_size, pooling="avg"
    )


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["tiny", "mobilenet_v2", "efficientnet_v2_b0"])
def test_it_is_the_network_of_the_other_size_over_the_same_variables(backbone):
    large = classifier(backbone, 96)
    small = at_size(large, 64)
    assert small.input_shape == (None, 64, 64, 3)
    assert [v.path for v in small.variables] == [v.path for v in large.variables]
    assert all(a is b for a, b in zip(small.variables, large.variables, strict=True))
    assert all(
        a is b for a, b in zip(small.trainable_variables, large.trainable_variables, strict=True)
    )
    built = classifier(backbone, 64)
    built.set_weights(large.get_weights())
    images = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 3)).astype("float32")
    np.testing.assert_allclose(small(images), built(images), rtol=1e-5, atol=1e-6)


def test_the_classifier_stays_what_it_was(tmp_path):
    large = classifier("tiny", 48)
    images = np.random.default_rng(0).uniform(0, 255, (2, 48, 48, 3)).astype("float32")
    before = np.asarray(large(images))
    at_size(large, 32)
    assert large.get_layer("attention").output.shape == (None, 3, 3, 128)
    np.testing.assert_array_equal(large(images), before)
    large.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_array_equal(loaded(images), before)


def test_weights_that_depend_on_the_size_are_refused():
    flat = build_classifier(3, "tiny", weights="none", image_size=48, pooling="flatten")
    with pytest.raises(ValueError, match="incompatible"):
        at_size(flat, 32)
