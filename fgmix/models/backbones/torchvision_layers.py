"""Convolution and BatchNorm with torchvision's padding, constants and names.

A layer's name is its module path in torchvision with `_` for `.`, which gives the names of its
weights in a state dict: `layer1_0_conv1` is `layer1.0.conv1`.
"""

import keras

from fgmix.models.backbones.pretrained import BN_MOMENTUM


def convolution(
    x: keras.KerasTensor, width: int, side: int, name: str, *, stride: int = 1, bias: bool = False
) -> keras.KerasTensor:
    """Applies a `side` x `side` convolution, padded by `side // 2` on every side; `side` is odd."""
    padding = "same"
    if stride > 1:  # "same" would pad more at the end than at the start of an even input
        padding = "valid"
        if side > 1:
            x = keras.layers.ZeroPadding2D(side // 2, name=f"{name}_pad")(x)
    return keras.layers.Conv2D(
        width,
        side,
        stride,
        padding,
        use_bias=bias,
        # He initialization, as in torchvision: keeps the scale of activations through ReLUs.
        kernel_initializer=keras.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal"),
        name=name,
    )(x)


def normalization(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Applies BatchNorm with PyTorch's epsilon and momentum."""
    return keras.layers.BatchNormalization(momentum=BN_MOMENTUM, epsilon=1e-5, name=name)(x)
