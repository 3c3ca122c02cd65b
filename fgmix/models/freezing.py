"""Freezing parts of a pretrained backbone."""

import math

import keras

from fgmix.models.blocks import backbone_blocks
from fgmix.models.classifier import ATTENTION_LAYER
from fgmix.models.heads import HEAD_LAYERS
from fgmix.models.nested import every_layer


def freeze_backbone(model: keras.Model, bn: str, frozen_stride: int) -> None:
    """Freezes a backbone's BatchNorm and first stages, as a recipe's fields of these names say.

    Args:
        model: A classifier from `build_classifier`.
        bn: `"frozen"` freezes the backbone's BatchNorm (`freeze_batch_norm`).
        frozen_stride: The `stride` of `freeze_stages`; 0 freezes no stage.
    """
    if bn == "frozen":
        freeze_batch_norm(model)
    if frozen_stride:
        freeze_stages(model, frozen_stride)


def freeze_batch_norm(model: keras.Model) -> None:
    """Freezes the backbone's BatchNorm: moving statistics, scale and offset.

    Frozen layers normalise by their moving statistics in training, too.

    Args:
        model: A classifier from `build_classifier`.
    """
    backbone = (layer for layer in model.layers if layer.name not in HEAD_LAYERS)
    for layer in (inner for outer in backbone for inner in every_layer(outer)):
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False


def freeze_stages(model: keras.Model, stride: int) -> None:
    """Freezes the first stages of the backbone, so that no gradients are computed for them.

    The first stages have the largest feature maps and the fewest parameters: they take most of the
    time of a training step, and their features are the least specific to the classes.

    Args:
        model: A classifier from `build_classifier`.
        stride: Image pixels per feature map pixel, along a side. All layers up to the last one
            with this stride or less are frozen. If no layer with weights has, as in a vision
            transformer, whose patches are coarser, the first half of the blocks are frozen
            (`fgmix.models.blocks`). A backbone without a graph of layers is a single layer and
            stays trainable.

    Reference:
        Yosinski et al., *How transferable are features in deep neural networks?*, 2014.
    """
    image_size = model.input.shape[1]
    backbone = model.layers[: [x.name for x in model.layers].index(ATTENTION_LAYER)]
    fine = [i for i, layer in enumerate(backbone) if _stride(layer, image_size) <= stride]
    first = backbone[: max(fine) + 1]
    if not any(layer.weights for layer in first):
        blocks = backbone_blocks(model)
        if len(blocks) > 1:
            first = [layer for block in blocks[: len(blocks) // 2] for layer in block]
    for layer in first:
        layer.trainable = False


def _stride(layer: keras.Layer, image_size: int) -> float:
    """Returns a layer's stride, rounded to a power of two; infinite without a feature map."""
    shape = layer.output.shape
    if len(shape) != 4 or shape[1] == 1:  # 1 x 1: inside a squeeze-and-excitation block
        return float("inf")
    # Rounded because unpadded convolutions lose a border: 299 pixels to 35 is stride 8.
    return 2.0 ** round(math.log2(image_size / shape[1]))
