"""Attended features from stored feature maps: those that the whole classifier gives."""

import keras
import numpy as np
import pytest

from fgmix.data.sources.folder import load_folder
from fgmix.evaluation.evaluate import evaluate
from fgmix.models import build_classifier
from fgmix.training.frozen.attended import attended_features
from tests.trained_runs import small_config


@pytest.mark.parametrize("attention", ["none", "mixed"])
def test_they_are_those_of_the_whole_classifier(photos, tmp_path, attention):
    keras.utils.set_random_seed(0)
    model = build_classifier(3, "tiny", attention, weights="none", image_size=32, pooling="avg")
    dataset = load_folder(photos)
    config = small_config(photos, tmp_path / "run", recipe="frozen").resolve()
    found = attended_features(model, config, dataset)["test"]
    expected = evaluate(model, dataset, "test", features=True).features[0]
    # Stored maps are in half precision.
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-3 * np.abs(expected).max())
