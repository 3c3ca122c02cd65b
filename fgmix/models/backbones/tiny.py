"""A small plain network that trains from scratch in a minute: the demo's backbone."""

import keras

WIDTHS = (24, 48, 96, 128)


def build_tiny(image_size: int) -> keras.Model:
    """Builds four blocks of 3 x 3 convolutions with BatchNorm and ReLU, each ended by max pooling.

    The first block has one convolution, the others two: at full resolution a second convolution
    would cost as much as the rest of the network.

    Args:
        image_size: Side `S` of the square input, in pixels. At least 16.

    Returns:
        A model from `(batch, S, S, 3)` to `(batch, S // 16, S // 16, 128)`.
    """
    inputs = keras.Input((image_size, image_size, 3))
    x = inputs
    for block, width in enumerate(WIDTHS, start=1):
        for conv in range(1, 2 if block == 1 else 3):
            name = f"block{block}_conv{conv}"
            x = keras.layers.Conv2D(width, 3, padding="same", use_bias=False, name=name)(x)
            x = keras.layers.BatchNormalization(momentum=0.9, name=f"{name}_bn")(x)
            x = keras.layers.ReLU(name=f"{name}_relu")(x)
        x = keras.layers.MaxPooling2D(name=f"block{block}_pool")(x)
    return keras.Model(inputs, x, name="tiny")
