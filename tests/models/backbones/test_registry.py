"""The registry of backbones: what every entry promises."""

import math

import keras
import numpy as np
import pytest

from fgmix.models import BACKBONES
from fgmix.models.backbones.registry import IN_WORDS
from fgmix.models.backbones.tiny import build_tiny
from tests.backbones import OWN

FEATURES = {
    "vgg16": (32, 512),
    "vgg16_bn": (32, 512),
    "resnet50": (32, 2048),
    "resnet50_torch": (32, 2048),
    "mobilenet_v2": (32, 1280),
    "efficientnet_v2_b0": (32, 1280),
    "convnext_tiny": (32, 768),
    "tiny": (16, 128),
}
"""name -> stride and channels of the last feature map."""


def test_every_backbone_is_in_the_table():
    assert set(FEATURES) == set(OWN)


@pytest.fixture(scope="module")
def smallest():
    """Every backbone at its smallest size, built once."""
    return {name: BACKBONES[name].build(BACKBONES[name].min_size, None) for name in OWN}


@pytest.mark.slow
@pytest.mark.parametrize("name", OWN)
def test_the_smallest_size_leaves_a_feature_map(smallest, name):
    stride, channels = FEATURES[name]
    size = BACKBONES[name].min_size
    assert smallest[name].input_shape == (None, size, size, 3)
    assert smallest[name].output_shape == (None, size // stride, size // stride, channels)
    assert size // stride >= 1


@pytest.mark.parametrize("name", OWN)
def test_the_parameters_in_the_registry_are_the_models(smallest, name):
    assert BACKBONES[name].parameters == smallest[name].count_params()


def leaves(model):
    for layer in model.layers:
        yield from leaves(layer) if isinstance(layer, keras.Model) else [layer]


def multiply_adds(model):
    """A kernel's numbers are all used once at every position of its output.

    A product of two maps, as EfficientNet's squeeze-and-excitation makes, takes one an element.
    """
    layers = list(leaves(model))
    products = [x.output.shape[1:] for x in layers if isinstance(x, keras.layers.Multiply)]
    kernels = [[*x.output.shape[1:-1], *x.kernel.shape] for x in layers if hasattr(x, "kernel")]
    return sum(map(math.prod, kernels + products))


@pytest.mark.slow
@pytest.mark.parametrize("name", OWN)
def test_the_multiply_adds_in_the_registry_are_the_models(name):
    # Shapes are all that counts, so nothing is drawn.
    with keras.StatelessScope():
        model = BACKBONES[name].build(224, None)
    assert BACKBONES[name].multiply_adds == multiply_adds(model)


@pytest.mark.parametrize("name", ["vgg16", "vgg16_bn"])
def test_vgg16_ends_with_its_last_pooling(smallest, name):
    assert isinstance(smallest[name].layers[-1], keras.layers.MaxPooling2D)


def test_only_the_demos_backbone_has_no_pretrained_weights():
    assert [name for name, entry in BACKBONES.items() if not entry.source] == ["tiny"]


def test_every_normalisation_has_a_name():
    named = [normalization for normalization, _ in IN_WORDS]
    assert all(entry.normalization in named for entry in BACKBONES.values())


@pytest.mark.slow
@pytest.mark.parametrize("size", [33, 50, 97])
def test_torchs_resnet_rounds_up_where_vgg_rounds_down(size):
    resnet, vgg = (BACKBONES[name].build(size, None) for name in ("resnet50_torch", "vgg16_bn"))
    assert resnet.output_shape == (None, -(-size // 32), -(-size // 32), 2048)
    assert vgg.output_shape == (None, size // 32, size // 32, 512)


@pytest.mark.parametrize("size", [16, 32, 50, 96])
def test_tiny_halves_the_sides_four_times(size):
    assert build_tiny(size).output_shape == (None, size // 16, size // 16, 128)


def test_tiny_is_seven_convolutions_each_normalised_before_its_relu():
    layers = build_tiny(32).layers[1:]
    kinds = [type(layer).__name__ for layer in layers]
    conv = ["Conv2D", "BatchNormalization", "ReLU"]
    assert kinds == [*conv, "MaxPooling2D"] + 3 * [*conv, *conv, "MaxPooling2D"]
    widths = [layer.filters for layer in layers if isinstance(layer, keras.layers.Conv2D)]
    assert widths == [24, 48, 48, 96, 96, 128, 128]


def test_tiny_gives_features_that_are_not_negative_and_not_all_zero():
    images = np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 3)).astype("float32")
    features = np.asarray(build_tiny(32)(images))
    assert features.min() == 0
    assert features.max() > 0
