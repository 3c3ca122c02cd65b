"""One classifier for images of two sizes."""

import keras


def at_size(model: keras.Model, image_size: int) -> keras.Model:
    """The same layers on images of another size: to train one is to train the other.

    Where a layer pads by the parity of its input, as MobileNetV2's do, it goes on as it was built,
    which is what the network of that size would do if both sides are multiples of 32.

    Args:
        model: A classifier from `build_classifier` whose pooling is `"avg"`: with `"flatten"` the
            number of weights depends on the size.
        image_size: Side of the square input, in pixels.

    Returns:
        A model from `(b, image_size, image_size, 3)`; its variables are those of `model`, in the
        same order.
    """
    images = keras.Input((image_size, image_size, 3), name="images")
    return keras.models.clone_model(model, input_tensors=images, clone_function=lambda layer: layer)
