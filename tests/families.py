"""A small classifier of every family of backbones, with weights that differ from initial ones."""

from pathlib import Path

import keras
import pytest
from keras.src.applications import convnext, efficientnet_v2, resnet

from fgmix.models import build_classifier
from fgmix.models.backbones import resnet50_torch, vgg16_bn
from fgmix.training.precision import policy

CLASSES = ("a", "b", "c")
OWN = ("vgg16_bn", "resnet50", "resnet50_torch", "mobilenet_v2", "efficientnet_v2_b0")
QUICK = ("tiny", "mobilenet_v2")
PRESETS = ("efficientnet_lite0", "vit", "dinov2", "siglip")
"""Of KerasHub, one or two blocks deep."""

FAMILIES = ["tiny", *OWN, "convnext_tiny", *PRESETS]
MARKED = [
    name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in FAMILIES
]
"""For `pytest.mark.parametrize`."""


def build_family(name: str, folder: Path, precision: str = "float32") -> keras.Model:
    """Builds the classifier of a family, with random BatchNorm statistics.

    It has every kind of block of the family, but each stage has one block: a network's repetitions
    take minutes to convert and show nothing new.

    Args:
        name: From `FAMILIES`.
        folder: An empty folder, for a preset of KerasHub.
        precision: A name of `fgmix.training.precision`.
    """
    backbone: str = name
    if name in PRESETS:
        from tests import hub_presets

        hub_presets.save(name, folder / "preset")
        backbone = f"hub:{folder / 'preset'}"
    keras.utils.set_random_seed(0)
    with policy(precision), pytest.MonkeyPatch.context() as patch:
        _make_shallow(patch)
        settings = {} if name in PRESETS else {"weights": "none"}
        model = build_classifier(
            len(CLASSES), backbone, "mixed", image_size=32, pooling="avg", **settings
        )
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            _randomize(layer)
    return model


def inverted_residuals(size: int = 64) -> keras.Model:
    """Returns a small network of three inverted residuals, the first two with a stride of 2."""
    relu = keras.layers.ReLU
    images = keras.Input((size, size, 3))
    x = keras.layers.Conv2D(4, 3, 2, "same", name="stem")(images)
    for name, strides in (("one", 2), ("two", 2), ("three", 1)):
        x = keras.layers.Conv2D(12, 1, name=f"{name}_expand")(x)
        x = relu(6, name=f"{name}_expand_relu")(x)
        padded = keras.layers.ZeroPadding2D(1, name=f"{name}_pad")(x)
        x = keras.layers.DepthwiseConv2D(3, strides, name=f"{name}_depthwise")(padded)
        x = keras.layers.Conv2D(4, 1, name=f"{name}_project")(x)
    return keras.Model(images, relu(name="out_relu")(keras.layers.Conv2D(16, 1, name="top")(x)))


def _make_shallow(patch: pytest.MonkeyPatch) -> None:
    """Leaves one narrow block in each stage; Keras's own builders have no argument for it."""
    patch.setattr(vgg16_bn, "BLOCKS", ((16,),) * 5)
    patch.setattr(resnet50_torch, "STAGES", ((8, 1),) * 4)
    stack = resnet.stack_residual_blocks_v1
    patch.setattr(
        resnet,
        "stack_residual_blocks_v1",
        lambda x, filters, blocks, **kwargs: stack(x, 16, 1, **kwargs),
    )
    stages = efficientnet_v2.DEFAULT_BLOCKS_ARGS["efficientnetv2-b0"]
    patch.setitem(
        efficientnet_v2.DEFAULT_BLOCKS_ARGS,
        "efficientnetv2-b0",
        [stage | {"num_repeat": 1} for stage in stages],
    )
    patch.setitem(convnext.MODEL_CONFIGS["tiny"], "depths", [1] * 4)
    patch.setitem(convnext.MODEL_CONFIGS["tiny"], "projection_dims", [16] * 4)


def _randomize(layer: keras.layers.BatchNormalization) -> None:
    for weight in layer.weights:
        low = 0.7 if weight.name in ("gamma", "moving_variance") else -0.2
        weight.assign(keras.random.uniform(weight.shape, low, low + 0.5))
