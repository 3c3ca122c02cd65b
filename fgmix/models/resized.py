"""A classifier for another image size."""

import keras


def at_size(model: keras.Model, image_size: int) -> keras.Model:
    """Returns a classifier for another image size that shares all layers with `model`.

    Training one of them trains the other. Layers whose padding depends on the parity of their
    input, as in MobileNetV2, keep the padding they were built with. It is the right one if both
    sizes are multiples of 32.

    Args:
        model: A classifier from `build_classifier` with pooling `"avg"`; with `"flatten"` the
            number of weights depends on the image size.
        image_size: Side of the square input, in pixels.

    Returns:
        A model with input `(batch, image_size, image_size, 3)`. Its variables are those of
        `model`, in the same order.

    Example:
        >>> from fgmix.models import build_classifier
        >>> model = build_classifier(
        ...     10, "tiny", "none", weights="none", image_size=32, pooling="avg"
        ... )
        >>> at_size(model, 64).input_shape
        (None, 64, 64, 3)
    """
    images = keras.Input((image_size, image_size, 3), name="images")
    return keras.models.clone_model(model, input_tensors=images, clone_function=lambda layer: layer)
