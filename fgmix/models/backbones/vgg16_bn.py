"""VGG16 with BatchNorm, layer by layer as in torchvision: the paper's VGG16."""

import keras

from fgmix.models.backbones.torchvision_layers import convolution, normalization

BLOCKS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
"""Channels of each block's convolutions (Simonyan and Zisserman, 2014, configuration D)."""


def build_vgg16_bn(image_size: int) -> keras.Model:
    """Builds five blocks of 3 x 3 convolutions with BatchNorm and ReLU, each ended by max pooling.

    Args:
        image_size: Side `S` of the square input, in pixels. At least 32.

    Returns:
        A model from `(batch, S, S, 3)` to `(batch, S // 32, S // 32, 512)`.
    """
    inputs = x = keras.Input((image_size, image_size, 3))
    index = 0  # the index in torchvision's `features`, which counts all layers
    for widths in BLOCKS:
        for width in widths:
            x = convolution(x, width, 3, f"features_{index}", bias=True)
            x = normalization(x, f"features_{index + 1}")
            x = keras.layers.ReLU(name=f"features_{index + 2}")(x)
            index += 3
        x = keras.layers.MaxPooling2D(name=f"features_{index}")(x)
        index += 1
    return keras.Model(inputs, x, name="vgg16_bn")
