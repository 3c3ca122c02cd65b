"""The registry of backbones: how each is built and normalised, and where its weights come from.

Example:
    >>> backbone = BACKBONES["tiny"]
    >>> backbone.min_size, backbone.multiply_adds
    (16, 1015160832)
    >>> backbone.build(32, None).output_shape
    (None, 2, 2, 128)
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from fgmix.models.backbones.weight_sources import HubFile, KerasFile, WeightSource

if TYPE_CHECKING:
    import keras

# Keras is imported only when a backbone is built, so that `--help` can list the names quickly.

Normalization = dict[str, Any]
"""Arguments of `fgmix.layers.ImageNormalization` that give the input the weights expect."""

IDENTITY: Normalization = {}
CAFFE: Normalization = {"offset": [-103.939, -116.779, -123.68], "bgr": True}
MINUS_ONE_TO_ONE: Normalization = {"scale": 1 / 127.5, "offset": -1.0}
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's RGB / 255
TORCHVISION: Normalization = {
    "scale": [1 / (255 * std) for std in _STD],
    "offset": [-mean / std for mean, std in zip(_MEAN, _STD, strict=True)],
}

IN_WORDS: list[tuple[Normalization, str]] = [
    (CAFFE, "BGR minus mean"),
    (MINUS_ONE_TO_ONE, "RGB to [-1, 1]"),
    (TORCHVISION, "RGB, mean and std"),
]
"""Pairs of a normalisation and its usual name. (Not a dict, because a dict can't be a key.)"""

KERAS_FORMAT = ".h5"
TORCHVISION_FORMAT = ".safetensors"


@dataclass(frozen=True)
class Backbone:
    """An entry of the registry.

    Attributes:
        build: `(image_size, weights) -> model`: builds the feature extractor from
            `(batch, S, S, 3)` to a 4-D feature map, after the last pooling, with weights
            `"imagenet"` or None.
        normalization: The normalisation that the weights expect.
        parameters: The number of parameters, including moving statistics.
        multiply_adds: The multiply-adds for a 224 x 224 image, as `fgmix.models.cost` counts them.
        source: Where the `"imagenet"` weights come from; None if there are none.
        formats: The suffixes of the weights files that the backbone can read.
        min_size: The smallest image side that gives a feature map, in pixels.
    """

    build: Callable[[int, str | None], "keras.Model"]
    normalization: Normalization
    parameters: int
    multiply_adds: int
    source: WeightSource | None = None
    formats: tuple[str, ...] = (KERAS_FORMAT,)
    min_size: int = 32


def _application(name: str, **kwargs: Any) -> Callable[[int, str | None], "keras.Model"]:
    def build(image_size: int, weights: str | None) -> "keras.Model":
        import keras

        constructor = getattr(keras.applications, name)
        shape = (image_size, image_size, 3)
        return constructor(include_top=False, weights=weights, input_shape=shape, **kwargs)

    return build


def _torchvision(name: str, source: HubFile) -> Callable[[int, str | None], "keras.Model"]:
    def build(image_size: int, weights: str | None) -> "keras.Model":
        from fgmix.models.backbones.torchvision_weights import load_torchvision

        module = import_module(f"fgmix.models.backbones.{name}")
        features = getattr(module, f"build_{name}")(image_size)
        if weights == "imagenet":
            load_torchvision(features, source.fetch(), name)
        return features

    return build


def _tiny(image_size: int, weights: str | None) -> "keras.Model":
    from fgmix.models.backbones.tiny import build_tiny

    return build_tiny(image_size)


_VGG16_BN = HubFile("timm/vgg16_bn.tv_in1k", "BSD-3-Clause")
_RESNET50_TORCH = HubFile("timm/resnet50.tv_in1k", "BSD-3-Clause")
_BOTH = (TORCHVISION_FORMAT, KERAS_FORMAT)

BACKBONES: dict[str, Backbone] = {
    "vgg16": Backbone(
        _application("VGG16"),
        CAFFE,
        parameters=14_714_688,
        multiply_adds=15_346_630_656,
        source=KerasFile("vgg16/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5", "CC BY 4.0"),
    ),
    "vgg16_bn": Backbone(
        _torchvision("vgg16_bn", _VGG16_BN),
        TORCHVISION,
        parameters=14_731_584,
        multiply_adds=15_346_630_656,
        source=_VGG16_BN,
        formats=_BOTH,
    ),
    "resnet50": Backbone(
        _application("ResNet50"),
        CAFFE,
        parameters=23_587_712,
        multiply_adds=3_855_925_248,
        source=KerasFile("resnet/resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5", "MIT"),
    ),
    "resnet50_torch": Backbone(
        _torchvision("resnet50_torch", _RESNET50_TORCH),
        TORCHVISION,
        parameters=23_561_152,
        multiply_adds=4_087_136_256,
        source=_RESNET50_TORCH,
        formats=_BOTH,
    ),
    "mobilenet_v2": Backbone(
        _application("MobileNetV2"),
        MINUS_ONE_TO_ONE,
        parameters=2_257_984,
        multiply_adds=299_494_272,
        # Trained at 224 pixels. For 96, 128, 160 and 192 pixels Keras downloads other weights.
        source=KerasFile(
            "mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
            "Apache-2.0",
        ),
    ),
    # Keras's own preprocessing layers of these two normalise like torchvision (the docstring of
    # the first wrongly says [-1, 1]). They are left out because `ImageNormalization` does it.
    "efficientnet_v2_b0": Backbone(
        _application("EfficientNetV2B0", include_preprocessing=False),
        TORCHVISION,
        parameters=5_919_312,
        multiply_adds=718_062_144,
        source=KerasFile("efficientnet_v2/efficientnetv2-b0_notop.h5", "Apache-2.0"),
    ),
    "convnext_tiny": Backbone(
        _application("ConvNeXtTiny", include_preprocessing=False),
        TORCHVISION,
        parameters=27_820_128,
        multiply_adds=4_454_763_264,
        source=KerasFile("convnext/convnext_tiny_notop.h5", "MIT"),
    ),
    "tiny": Backbone(
        _tiny, MINUS_ONE_TO_ONE, parameters=416_488, multiply_adds=1_015_160_832, min_size=16
    ),
}
