"""What of a pretrained backbone is left as it is."""

import math

import keras

from fgmix.models.classifier import ATTENTION_LAYER, HEAD_LAYERS


def freeze_backbone(model: keras.Model, bn: str, frozen_stride: int) -> None:
    """Freezes what a recipe's fields of these names say."""
    if bn == "frozen":
        freeze_batch_norm(model)
    if frozen_stride:
        freeze_stages(model, frozen_stride)


def freeze_batch_norm(model: keras.Model) -> None:
    """Leaves the backbone's BatchNorm as it is: statistics, scale and offset.

    Args:
        model: A classifier from `build_classifier`. In training, too, these layers normalise by
            their moving statistics from now on.
    """
    for layer in model.layers:
        if layer.name not in HEAD_LAYERS and isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False


def freeze_stages(model: keras.Model, stride: int) -> None:
    """Leaves the first stages of the backbone as they are, so that no gradient goes through them.

    These stages have the largest maps and the fewest parameters: they take most of the time of
    a training step and know least of the classes (Yosinski et al. 2014, "How transferable are
    features in deep neural networks?").

    Args:
        model: A classifier from `build_classifier`, of a square image.
        stride: Pixels of the image to one of the map. All layers up to the last one with a map of
            this stride or less are frozen. A backbone without a graph of layers is one layer, and
            is trained.
    """
    image_size = model.input.shape[1]
    backbone = model.layers[: [x.name for x in model.layers].index(ATTENTION_LAYER)]
    fine = [i for i, layer in enumerate(backbone) if _stride(layer, image_size) <= stride]
    for layer in backbone[: max(fine) + 1]:
        layer.trainable = False


def _stride(layer: keras.Layer, image_size: int) -> float:
    """Pixels to one of the layer's map, to the power of two; infinite where there is no map."""
    shape = layer.output.shape
    if len(shape) != 4 or shape[1] == 1:  # a vector of squeeze and excite
        return float("inf")
    # A map of 35 from an image of 299 has stride 8: convolutions without padding lose a border.
    return 2 ** round(math.log2(image_size / shape[1]))
