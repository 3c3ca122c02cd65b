"""Divides a backbone into blocks, from its graph alone."""

import keras

from fgmix.models.backbones.levels import is_level_layer
from fgmix.models.classifier import ATTENTION_LAYER


def backbone_blocks(model: keras.Model) -> list[list[keras.Layer]]:
    """Returns the layers of a classifier's backbone in blocks, from the image to the attention.

    A block lies between two neighbouring points at which a single tensor carries everything: a
    residual block, a dense block, a transformer layer, or a single convolution of a chain. Layers
    without a kernel, such as BatchNorm and activations, belong to the block before them.

    Args:
        model: A classifier from `build_classifier`.

    Returns:
        Blocks of layers in the order of computation. Every layer before the attention is in
        exactly one block.

    Example:
        >>> from fgmix.models import build_classifier
        >>> model = build_classifier(10, "tiny", weights="none", image_size=32)
        >>> len(backbone_blocks(model))
        7
    """
    # Operations include `x + y`, which is not a layer.
    operations = model.operations
    names = [operation.name for operation in operations]
    operations = operations[: names.index(ATTENTION_LAYER)]
    made_by = {
        id(tensor): index
        for index, operation in enumerate(operations)
        for tensor in keras.tree.flatten(operation.output)
    }
    last_use = list(range(len(operations)))
    for index, operation in enumerate(operations):
        if is_level_layer(operation):  # beside the way from block to block
            continue
        for tensor in keras.tree.flatten(operation.input):
            maker = made_by.get(id(tensor), index)
            last_use[maker] = max(last_use[maker], index)
    last_use[-1] = len(operations)

    blocks: list[list[keras.Layer]] = [[]]
    current: list[keras.Layer] = []
    for index, operation in enumerate(operations):
        if isinstance(operation, keras.Layer):
            current.append(operation)
        if sum(use > index for use in last_use[: index + 1]) > 1:
            continue
        # The image and its normalisation, too, have no kernel.
        if _has_kernel(current) and _has_kernel(blocks[-1]):
            blocks.append(current)
        else:
            blocks[-1] += current
        current = []
    return blocks


def _has_kernel(layers: list[keras.Layer]) -> bool:
    return any(len(weight.shape) > 1 for layer in layers for weight in layer.weights)
