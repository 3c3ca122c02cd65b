"""ResNet-50 in torchvision's variant: a stage's stride is in its first 3 x 3 convolution."""

import keras

from fgmix.models.backbones.torchvision_layers import convolution, normalization

STAGES = ((64, 3), (128, 4), (256, 6), (512, 3))
"""Channels and number of bottlenecks of each stage (He et al., 2015, Table 1)."""
EXPANSION = 4
"""Output channels of a bottleneck per channel inside it."""


def build_resnet50_torch(image_size: int) -> keras.Model:
    """Builds a 7 x 7 stem and four stages of bottlenecks, without the final average pooling.

    This variant is often called v1.5. In the paper and in `keras.applications.ResNet50`, the
    stride is in the first 1 x 1 convolution of a stage.

    Args:
        image_size: Side `S` of the square input, in pixels. At least 32.

    Returns:
        A model from `(batch, S, S, 3)` to `(batch, ceil(S / 32), ceil(S / 32), 2048)`.
    """
    inputs = keras.Input((image_size, image_size, 3))
    x = _unit(inputs, 64, 7, "conv1", "bn1", stride=2)
    x = keras.layers.ReLU(name="relu")(x)
    # PyTorch pads with minus infinity. After a ReLU, padding with zeros gives the same maxima.
    x = keras.layers.ZeroPadding2D(1, name="maxpool_pad")(x)
    x = keras.layers.MaxPooling2D(3, 2, name="maxpool")(x)
    for stage, (width, blocks) in enumerate(STAGES, start=1):
        for block in range(blocks):
            stride = 2 if stage > 1 and block == 0 else 1
            x = _bottleneck(x, width, f"layer{stage}_{block}", stride, project=block == 0)
    return keras.Model(inputs, x, name="resnet50_torch")


def _bottleneck(
    x: keras.KerasTensor, width: int, name: str, stride: int, project: bool
) -> keras.KerasTensor:
    """Applies 1 x 1, 3 x 3 and 1 x 1 convolutions and adds `x`, or a projection of `x`."""
    wide = EXPANSION * width
    y = _unit(x, width, 1, f"{name}_conv1", f"{name}_bn1")
    y = keras.layers.ReLU(name=f"{name}_relu1")(y)
    y = _unit(y, width, 3, f"{name}_conv2", f"{name}_bn2", stride)
    y = keras.layers.ReLU(name=f"{name}_relu2")(y)
    y = _unit(y, wide, 1, f"{name}_conv3", f"{name}_bn3")
    if project:
        x = _unit(x, wide, 1, f"{name}_downsample_0", f"{name}_downsample_1", stride)
    y = keras.layers.Add(name=f"{name}_add")([y, x])
    return keras.layers.ReLU(name=f"{name}_relu3")(y)


def _unit(
    x: keras.KerasTensor, width: int, side: int, conv: str, norm: str, stride: int = 1
) -> keras.KerasTensor:
    return normalization(convolution(x, width, side, conv, stride=stride), norm)
