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

from fgmix.models.backbones.hub_preset import PREFIX, HubPreset, patch_of
from fgmix.models.backbones.named_presets import (
    DINOV2_BASE,
    DINOV2_SMALL,
    EFFICIENTNET_LITE0,
    SIGLIP2_BASE,
    VIT_BASE,
)
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

LITE: Normalization = {"scale": 1 / 128, "offset": -127 / 128}

IN_WORDS: list[tuple[Normalization, str]] = [
    (CAFFE, "BGR minus mean"),
    (MINUS_ONE_TO_ONE, "RGB to [-1, 1]"),
    (TORCHVISION, "RGB, mean and std"),
    (LITE, "(RGB - 127) / 128"),
]
"""Pairs of a normalisation and its usual name. (Not a dict, because a dict can't be a key.)"""

STRIDE = 32
"""The stride of most convolutional backbones; with image sides that are multiples of it, no part of
the image is lost."""
SMALLEST_PATCH = 8
"""Smaller patches are those of backbones that merge them, up to a stride of 32."""

KERAS_FORMAT = ".h5"
TORCHVISION_FORMAT = ".safetensors"


@dataclass(frozen=True)
class Backbone:
    """An entry of the registry.

    Attributes:
        build: `(image_size, weights) -> model`: builds the feature extractor from
            `(batch, S, S, 3)` to a 4-D feature map, after the last pooling, with weights
            `"imagenet"` or None.
        normalization: The normalisation that the weights expect; None if a preset says it.
        parameters: The number of parameters, including moving statistics; None if a preset says it.
        multiply_adds: The multiply-adds for a 224 x 224 image, as `fgmix.models.cost` counts them;
            None if they are not counted.
        source: Where the `"imagenet"` weights come from; None if there are none.
        formats: The suffixes of the weights files that the backbone can read.
        min_size: The smallest image side that gives a feature map, in pixels.
        patch: Side of a patch in pixels, for a backbone that gives tokens: the image side is a
            multiple of it. None for other backbones, and if a preset says it.
        preset: The KerasHub preset that the backbone is; None for other backbones.
    """

    build: Callable[[int, str | None], "keras.Model"]
    normalization: Normalization | None
    parameters: int | None
    multiply_adds: int | None
    source: WeightSource | None = None
    formats: tuple[str, ...] = (KERAS_FORMAT,)
    min_size: int = 32
    patch: int | None = None
    preset: HubPreset | None = None

    def input_normalization(self, weights: str | None) -> Normalization:
        """Returns the normalisation that the weights expect, from the preset if there is one.

        Args:
            weights: `"imagenet"`, `"none"` (or None), or the path of a file.

        Raises:
            FgmixError: If the preset can't be read, or does not say how images are normalised.
        """
        if self.preset is None or (weights in (None, "none") and self.normalization is not None):
            assert self.normalization is not None
            return self.normalization
        from fgmix.models.backbones.keras_hub import image_normalization

        return image_normalization(self.preset)

    def side_step(self) -> int:
        """Returns the step between image sides that suit the backbone, in pixels."""
        patch = self.patch
        if patch is None and self.preset is not None:
            from fgmix.models.backbones.keras_hub import preset_config

            patch = patch_of(preset_config(self.preset))
        return patch if patch is not None and patch >= SMALLEST_PATCH else STRIDE


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


def preset_entry(
    preset: HubPreset,
    normalization: Normalization | None = None,
    *,
    parameters: int | None = None,
    multiply_adds: int | None = None,
) -> Backbone:
    """Returns the entry of a KerasHub preset.

    Args:
        preset: The preset.
        normalization: The normalisation that its weights expect, if known.
        parameters: See `Backbone`.
        multiply_adds: See `Backbone`.
    """
    patch = preset.arguments.get("patch_size")
    return Backbone(
        _hub(preset),
        normalization,
        parameters,
        multiply_adds,
        source=preset,
        min_size=patch or STRIDE,
        patch=patch,
        preset=preset,
    )


def _hub(preset: HubPreset) -> Callable[[int, str | None], "keras.Model"]:
    def build(image_size: int, weights: str | None) -> "keras.Model":
        from fgmix.models.backbones.keras_hub import build_preset

        return build_preset(preset, image_size, pretrained=weights == "imagenet")

    return build


class Backbones(dict[str, Backbone]):
    """The registry: entries by name, and an entry for every name `hub:PRESET`.

    Iterating gives the named entries alone.
    """

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or (
            isinstance(name, str) and name.startswith(PREFIX) and len(name) > len(PREFIX)
        )

    def __missing__(self, name: str) -> Backbone:
        if name not in self:
            raise KeyError(name)
        preset = HubPreset(name.removeprefix(PREFIX))
        return preset_entry(preset)


def absolute_name(name: str) -> str:
    """Returns the name of a backbone with the path of a preset's folder made absolute."""
    preset = BACKBONES[name].preset if name in BACKBONES else None
    if preset is None or preset.folder is None:
        return name
    return f"{PREFIX}{preset.folder.absolute()}"


def shown_name(name: str) -> str:
    """Returns the name of a backbone for tables: of a preset's folder, its last part alone.

    Example:
        >>> shown_name("tiny"), shown_name("hub:/data/efficientnet_lite0")
        ('tiny', 'hub:efficientnet_lite0')
    """
    preset = BACKBONES[name].preset if name in BACKBONES else None
    if preset is None or preset.folder is None:
        return name
    return f"{PREFIX}{preset.folder.absolute().name}"


def name_in_files(name: str) -> str:
    """Returns the name of a backbone as part of a file name.

    Example:
        >>> name_in_files("tiny"), name_in_files("hub:/data/efficientnet_lite0")
        ('tiny', 'hub_efficientnet_lite0')
    """
    if not name.startswith(PREFIX):
        return name
    return f"hub_{HubPreset(name.removeprefix(PREFIX)).short}"


_VGG16_BN = HubFile("timm/vgg16_bn.tv_in1k", "BSD-3-Clause")
_RESNET50_TORCH = HubFile("timm/resnet50.tv_in1k", "BSD-3-Clause")
_BOTH = (TORCHVISION_FORMAT, KERAS_FORMAT)

_NAMED: dict[str, Backbone] = {
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
    "dinov2_small": preset_entry(
        DINOV2_SMALL, TORCHVISION, parameters=22_056_192, multiply_adds=6_123_561_984
    ),
    "dinov2_base": preset_entry(
        DINOV2_BASE, TORCHVISION, parameters=86_579_712, multiply_adds=23_161_227_264
    ),
    "siglip2_base": preset_entry(
        SIGLIP2_BASE, MINUS_ONE_TO_ONE, parameters=85_797_120, multiply_adds=17_470_881_792
    ),
    "vit_base": preset_entry(
        VIT_BASE, MINUS_ONE_TO_ONE, parameters=85_798_656, multiply_adds=17_563_060_224
    ),
    "efficientnet_lite0": preset_entry(
        EFFICIENTNET_LITE0, LITE, parameters=3_413_024, multiply_adds=383_907_552
    ),
    "tiny": Backbone(
        _tiny, MINUS_ONE_TO_ONE, parameters=416_488, multiply_adds=1_015_160_832, min_size=16
    ),
}

BACKBONES = Backbones(_NAMED)
