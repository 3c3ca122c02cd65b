"""How each family of KerasHub's image backbones becomes a network that gives a feature map."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fgmix.errors import FgmixError

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Family:
    """A family of backbones.

    Attributes:
        features: `(backbone, image_size) -> model`: from KerasHub's model to one from
            `(batch, S, S, 3)` to a 4-D feature map.
        arguments: `(image_size) -> arguments` that KerasHub's model is built with.
    """

    features: Callable[[Any, int], "keras.Model"]
    arguments: Callable[[int], dict[str, Any]] = lambda image_size: {}


def _feature_map(backbone: Any, image_size: int) -> "keras.Model":
    """Gives a convolutional backbone the size of its input, and its last map as the one output."""
    import keras

    output = backbone.output
    if isinstance(output, dict):  # HGNetV2 gives the maps of all stages
        output = output[max(name for name in output if name.startswith("stage"))]
    images = keras.Input((image_size, image_size, 3))
    return keras.models.clone_model(
        keras.Model(backbone.inputs, output),
        input_tensors=[images],
        clone_function=lambda layer: layer,
    )


def _transformer(parts_of: str) -> Callable[[Any, int], "keras.Model"]:
    """Returns a family's `features`, from the function that takes a KerasHub transformer apart."""

    def features(backbone: Any, image_size: int) -> "keras.Model":
        from fgmix.models.backbones import vision_transformer as found

        return found.vision_transformer(getattr(found, parts_of)(backbone), image_size)

    return features


def _laid_out(backbone: Any, image_size: int) -> "keras.Model":
    """Lays out the tokens of a network that is built for the image's size with KerasHub's layers.

    DINOv3 has class and register tokens, and positions that depend on the image's size alone.
    """
    import keras

    from fgmix.layers import TokensToMap

    lay_out = TokensToMap(True, backbone.num_register_tokens, name="tokens_to_map")
    return keras.Model(backbone.inputs, lay_out(backbone.output), name=backbone.name)


def _of_size(image_size: int) -> dict[str, Any]:
    return {"image_shape": (image_size, image_size, 3)}


FAMILIES: dict[str, Family] = {
    "CLIPBackbone": Family(_transformer("clip")),
    "CLIPVisionEncoder": Family(_transformer("clip")),
    "CSPNetBackbone": Family(_feature_map),
    "DeiTBackbone": Family(_transformer("deit")),
    "DenseNetBackbone": Family(_feature_map),
    "DINOV2Backbone": Family(_transformer("dinov2")),
    "DINOV3Backbone": Family(_laid_out, _of_size),
    "EfficientNetBackbone": Family(_feature_map),
    "HGNetV2Backbone": Family(_feature_map),
    "MiTBackbone": Family(_feature_map),
    "MobileNetBackbone": Family(_feature_map),
    "ResNetBackbone": Family(_feature_map),
    "SigLIPBackbone": Family(_transformer("siglip")),
    "SigLIPVisionEncoder": Family(_transformer("siglip")),
    "VGGBackbone": Family(_feature_map),
    "ViTBackbone": Family(_transformer("vit")),
    "XceptionBackbone": Family(_feature_map),
}
"""Maps the name of a KerasHub class to its family.

Swin is missing: KerasHub 0.32 can't save its layers.
"""


def family_of(kind: str, preset: str) -> Family:
    """Returns the family of a KerasHub class.

    Args:
        kind: The name of the class.
        preset: The preset that holds it, for the message.

    Raises:
        FgmixError: If it is no image backbone, or none that gives a feature map.
    """
    if kind not in FAMILIES:
        raise FgmixError(
            f"{preset} holds a {kind}, which is no image backbone that fgmix can use: choose one "
            f"of {family_names()}"
        )
    return FAMILIES[kind]


def family_names() -> str:
    """Returns the names of all families, for messages."""
    words = {name.removesuffix("Backbone") for name in FAMILIES}
    return ", ".join(sorted(words, key=str.lower))
