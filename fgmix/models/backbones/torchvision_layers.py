"""Convolution and batch normalisation with torchvision's padding, constants and names.

A layer's name is its module path in torchvision with `_` for `.`, so that its weights can be found
in a state dict by a rule: `layer1_0_conv1` is `layer1.0.conv1`.
"""

import keras

from fgmix.models.backbones.pretrained import BN_MOMENTUM


def convolution(
    x: keras.KerasTensor, width: int, side: int, name: str, *, stride: int = 1, bias: bool = False
) -> keras.KerasTensor:
    """A `side` x `side` convolution, `side` odd, padded by `side // 2` all round."""
    padding = "same"
    if stride > 1:  # where "same" would pad an even input at its end only
        padding = "valid"
        if side > 1:
            x = keras.layers.ZeroPadding2D(side // 2, name=f"{name}_pad")(x)
    return keras.layers.Conv2D(
        width,
        side,
        stride,
        padding,
        use_bias=bias,
        # torchvision draws its kernels so, which keeps the scale through ReLUs.
        kernel_initializer=keras.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal"),
        name=name,
    )(x)


def normalization(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Batch normalisation with PyTorch's epsilon and momentum."""
    return keras.layers.BatchNormalization(momentum=BN_MOMENTUM, epsilon=1e-5, name=name)(x)
