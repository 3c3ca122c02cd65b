"""Several classifiers, or several views of an image, as one model: the mean of the probabilities.

This is an ensemble (Hansen and Salamon, *Neural Network Ensembles*, 1990) with test-time
augmentation (Krizhevsky et al., *ImageNet Classification with Deep Convolutional Neural Networks*,
2012).
"""

from collections.abc import Callable, Sequence

import keras
import numpy as np

from fgmix.layers.numerics import Tensor
from fgmix.models.choices import require
from fgmix.models.classifier import ATTENTION_LAYER

Sizes = int | tuple[int, ...]
"""The side of a model's images, in pixels; a tuple for a model that takes an image at each."""


def _same(images: Tensor) -> Tensor:
    return images


def _mirror(images: Tensor) -> Tensor:
    """Exchanges left and right of images or maps, `(batch, height, width, channels)`."""
    return keras.ops.flip(images, axis=2)


VIEWS: dict[str, tuple[Callable[[Tensor], Tensor], ...]] = {
    "none": (_same,),
    "flip": (_same, _mirror),
}
"""Maps a name from `fgmix.models.choices.TTA` to the views of an image that are averaged.

Each is its own inverse, so it also brings the map of a view back to the image.
"""


class AveragedClassifier(keras.Model):
    """The model that `average_classifiers` returns.

    Attributes:
        attended: The attended feature maps of every classifier and view, in the model's graph,
            as they lie on the image.
    """

    attended: tuple[keras.KerasTensor, ...] = ()


def average_classifiers(
    models: Sequence[keras.Model],
    tta: str = "none",
    orders: Sequence[Sequence[int]] | None = None,
) -> keras.Model:
    """Returns the mean of the probabilities of classifiers, over views of the image, as one model.

    The classifiers are shared, not copied. A view is a call of its own: a batch of twice the size
    is not faster on a CPU, and takes twice the memory.

    Args:
        models: Classifiers from `build_classifier` with the same number of classes.
        tta: Test-time augmentation, a name from `VIEWS`: `"none"`, or `"flip"` for the image and
            its mirror image.
        orders: For each classifier, which of its outputs is the probability of class 0, 1 and so
            on; by default they are in order.

    Returns:
        A model from RGB `(batch, S, S, 3)` in [0, 255] to float32 probabilities `(batch, K)`. If
        the classifiers take images of different sizes, it takes a tuple of the images at each
        size: `image_sizes` has their order. One classifier without augmentation is returned as
        it is.

    Raises:
        FgmixError: If `tta` is unknown.

    Example:
        >>> from fgmix.models import build_classifier
        >>> model = build_classifier(10, "tiny", "none", weights="none", image_size=32)
        >>> averaged = average_classifiers([model], "flip")
        >>> images = keras.random.uniform((2, 32, 32, 3), maxval=255.0)
        >>> mirrored = images[:, :, ::-1]
        >>> bool(keras.ops.all(averaged(images) == averaged(mirrored)))
        True
    """
    require("tta", tta, VIEWS)
    if len(models) * len(VIEWS[tta]) == 1 and orders is None:
        return models[0]
    sizes = dict.fromkeys(model.input_shape[1] for model in models)
    images = {size: keras.Input((size, size, 3), name=f"images_{size}") for size in sizes}
    probabilities, attended = [], []
    for number, model in enumerate(models):
        member = keras.Model(
            model.input,
            [model.output, model.get_layer(ATTENTION_LAYER).output],
            name=f"member_{number}",
        )
        for view in VIEWS[tta]:
            found, features = member(view(images[model.input_shape[1]]))
            if orders is not None:
                found = keras.ops.take(found, list(orders[number]), axis=1)
            probabilities.append(found)
            attended.append(view(features))
    if len(probabilities) > 1:
        mean = keras.layers.Average(dtype="float32", name="probabilities")(probabilities)
    else:
        [mean] = probabilities
    inputs = tuple(images.values())
    averaged = AveragedClassifier(inputs if len(inputs) > 1 else inputs[0], mean, name="averaged")
    averaged.attended = tuple(attended)
    return averaged


def attended_maps(model: keras.Model) -> tuple[keras.KerasTensor, ...]:
    """Returns the attended feature maps in a model's graph, `(batch, height, width, channels)`.

    Args:
        model: From `build_classifier`, which has one, or from `average_classifiers`, which has one
            for every classifier and view. Their sizes may differ.
    """
    if isinstance(model, AveragedClassifier):
        return model.attended
    return (model.get_layer(ATTENTION_LAYER).output,)


def with_maps(model: keras.Model) -> keras.Model:
    """Returns a model that also returns the `attended_maps` after the probabilities."""
    return keras.Model(model.input, [model.output, *attended_maps(model)])


def with_features(model: keras.Model) -> keras.Model:
    """Returns a model whose single output has the features beside the probabilities.

    Returns:
        A model whose output is `(batch, K + d)`, float32: the probabilities, and the means over the
        positions of each of the `attended_maps`, in their order. `split_features` splits it.
    """
    pool = keras.layers.GlobalAveragePooling2D(dtype="float32")
    parts = [model.output, *(pool(features) for features in attended_maps(model))]
    joined = keras.layers.Concatenate(dtype="float32")(parts)
    return keras.Model(model.input, joined, name="with_features")


def split_features(model: keras.Model, rows: np.ndarray) -> list[np.ndarray]:
    """Returns `[probabilities, *features]`, `(n, ...)` each, of rows of `with_features(model)`."""
    widths = [model.output_shape[-1], *(one.shape[-1] for one in attended_maps(model))]
    return np.split(rows, np.cumsum(widths)[:-1], axis=1)


def without_maps(whole: keras.Model, like: keras.Model) -> keras.Model:
    """Returns a classifier of the graph of `with_maps`, or of a clone of it.

    Args:
        whole: The graph, from images to probabilities and attended feature maps.
        like: The classifier that it was made of.
    """
    probabilities, *maps = whole.outputs
    classifier = type(like)(whole.input, probabilities, name=like.name)
    if isinstance(classifier, AveragedClassifier):
        classifier.attended = tuple(maps)
    return classifier


def image_sizes(model: keras.Model) -> Sizes:
    """Returns the side of the images that a model takes; a tuple if it takes several sizes.

    Args:
        model: From `build_classifier` or `average_classifiers`.
    """
    sizes: Sizes = keras.tree.map_structure(lambda images: images.shape[1], model.input)
    return sizes
