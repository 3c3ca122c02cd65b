"""Blocks of backbones, found in their graphs."""

import keras
import pytest

from fgmix.models import build_classifier
from fgmix.models.blocks import backbone_blocks


def blocks_of(backbone, size=64):
    model = build_classifier(3, backbone, "mixed", weights="none", image_size=size)
    return backbone_blocks(model)


def names(blocks):
    return [[layer.name for layer in block] for block in blocks]


@pytest.mark.slow
@pytest.mark.parametrize(("backbone", "count"), [("tiny", 7), ("vgg16", 13), ("resnet50", 17)])
def test_a_block_is_a_convolution_of_a_chain_or_a_residual_block(backbone, count):
    assert len(blocks_of(backbone)) == count


@pytest.mark.slow
def test_residual_blocks_stay_whole():
    found = names(blocks_of("mobilenet_v2"))
    (block,) = [block for block in found if "block_12_expand" in block]
    assert (block[0], block[-1]) == ("block_12_expand", "block_12_add")


@pytest.mark.slow
def test_every_layer_before_the_attention_is_in_one_block():
    model = build_classifier(3, "resnet50", "mixed", weights="none", image_size=64)
    in_blocks = [layer for block in backbone_blocks(model) for layer in block]
    layers = [layer.name for layer in model.layers]
    assert [layer.name for layer in in_blocks] == layers[: layers.index("attention")]


def test_an_operation_that_is_no_layer_joins_two_branches():
    images = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(4, 3, padding="same", name="one")(images)
    beside = keras.layers.Conv2D(4, 3, padding="same", name="two")(x)
    x = keras.layers.Conv2D(4, 3, padding="same", name="three")(x + beside)
    found = names(blocks_of(keras.Model(images, x), 32))
    assert [block[-1] for block in found] == ["one", "two", "three"]
