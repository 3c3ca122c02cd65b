"""Which layers of a backbone are frozen."""

import keras
import pytest

from fgmix.models import build_classifier
from fgmix.models.freezing import freeze_batch_norm, freeze_stages


def trained(model):
    """The names of the trainable layers, in the order of the graph."""
    return [layer.name for layer in model.layers if layer.trainable_variables]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backbone", "image_size", "stride", "first"),
    [
        ("tiny", 64, 4, "block4_conv1"),  # block 3 comes after two pools
        ("tiny", 72, 4, "block4_conv1"),
        ("mobilenet_v2", 64, 8, "block_6_depthwise"),
        ("mobilenet_v2", 160, 8, "block_6_depthwise"),
        ("resnet50", 64, 4, "conv3_block1_1_conv"),  # has stride 2 itself
        ("resnet50_torch", 64, 4, "layer2_0_conv2"),
        # The 1 x 1 maps of its squeeze-and-excitation blocks belong to no stage.
        ("efficientnet_v2_b0", 64, 8, "block4a_dwconv2"),
    ],
)
def test_the_first_stages_are_frozen(backbone, image_size, stride, first):
    model = build_classifier(3, backbone, "mixed", weights="none", image_size=image_size)
    everything = trained(model)
    freeze_stages(model, stride)
    assert trained(model) == everything[everything.index(first) :]
    assert trained(model)[-1] == "logits"


def test_a_stride_beyond_the_last_map_freezes_the_whole_backbone():
    model = build_classifier(3, "tiny", "mixed", weights="none", image_size=64)
    freeze_stages(model, 64)
    assert trained(model) == ["attention", "head_fc", "head_bn", "logits"]


def test_a_backbone_without_a_graph_is_trained():
    class Whole(keras.Model):
        def __init__(self):
            super().__init__()
            self.conv = keras.layers.Conv2D(4, 3, strides=4)

        def call(self, x):
            return self.conv(x)

    model = build_classifier(3, Whole(), "none", image_size=32)
    freeze_stages(model, 2)
    assert model.layers[2].trainable_variables


def test_batch_norm_is_frozen_in_the_backbone_alone():
    model = build_classifier(3, "tiny", "none", weights="none", image_size=32)
    freeze_batch_norm(model)
    left = trained(model)
    assert "head_bn" in left
    assert "block1_conv1" in left
    assert not [name for name in left if name.endswith("_bn") and name != "head_bn"]


def test_half_of_the_blocks_are_frozen_where_patches_are_coarser_than_the_stride():
    images = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(4, 16, 16, name="patches")(images)
    for number in range(3):
        x = keras.layers.Conv2D(4, 1, name=f"block{number}")(x)
    model = build_classifier(3, keras.Model(images, x), "none", image_size=32)
    freeze_stages(model, 8)
    assert trained(model)[:2] == ["block1", "block2"]


def test_batch_norm_inside_other_layers_is_frozen_too():
    class Unit(keras.layers.Layer):
        def build(self, shape):
            self.conv = keras.layers.Conv2D(4, 3, strides=4)
            self.norm = keras.layers.BatchNormalization()
            self.conv.build(shape)
            self.norm.build((None, None, None, 4))

        def call(self, x, training=None):
            return self.norm(self.conv(x), training=training)

    inputs = keras.Input((32, 32, 3))
    model = build_classifier(3, keras.Model(inputs, Unit()(inputs)), "none", image_size=32)
    freeze_batch_norm(model)
    unit = model.layers[2]
    assert not unit.norm.trainable
    assert unit.conv.trainable
