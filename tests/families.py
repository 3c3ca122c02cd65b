"""A small classifier of every family of backbones, with weights that differ from initial ones."""

from pathlib import Path

import keras
import pytest

from fgmix.models import build_classifier
from fgmix.training.precision import policy

CLASSES = ("a", "b", "c")
OWN = ("vgg16_bn", "resnet50", "resnet50_torch", "mobilenet_v2", "efficientnet_v2_b0")
QUICK = ("tiny", "mobilenet_v2")
TOKENS = ("vit", "dinov2", "siglip")
"""Of KerasHub, with presets of two blocks."""

FAMILIES = [
    *("tiny", *OWN, "convnext_tiny", "efficientnet_lite0"),
    *TOKENS,
]
MARKED = [
    name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in FAMILIES
]
"""For `pytest.mark.parametrize`."""


def build_family(name: str, folder: Path, precision: str = "float32") -> keras.Model:
    """Builds the classifier of a family, with random BatchNorm statistics.

    Args:
        name: From `FAMILIES`.
        folder: An empty folder, for a preset of KerasHub.
        precision: A name of `fgmix.training.precision`.
    """
    backbone: str = name
    if name in TOKENS:
        from tests import hub_presets

        hub_presets.save(name, folder / "preset")
        backbone = f"hub:{folder / 'preset'}"
    keras.utils.set_random_seed(0)
    with policy(precision):
        settings = {} if name in TOKENS else {"weights": "none"}
        model = build_classifier(
            len(CLASSES), backbone, "mixed", image_size=32, pooling="avg", **settings
        )
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            _randomize(layer)
    return model


def _randomize(layer: keras.layers.BatchNormalization) -> None:
    for weight in layer.weights:
        low = 0.7 if weight.name in ("gamma", "moving_variance") else -0.2
        weight.assign(keras.random.uniform(weight.shape, low, low + 0.5))
