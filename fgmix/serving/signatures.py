"""The signatures of the SavedModel: from encoded images or pixels to labels and heat maps.

Each is a function of one tensor that returns a dictionary of tensors whose first axis is the
batch. Calibration applies to the probabilities of every signature.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import tensorflow as tf

from fgmix.data.codec.batch import load_batch
from fgmix.evaluation.calibration import TINY, Abstention
from fgmix.explanation.energy import mean_energy
from fgmix.models.class_means import ClassMeans
from fgmix.models.ensemble import image_sizes, with_maps
from fgmix.models.fused_batchnorm import infer
from fgmix.serving.choices import TOP
from fgmix.serving.distance import mean_distance, means_of
from fgmix.serving.inference import InferenceGraph

Outputs = dict[str, tf.Tensor]


@dataclass(frozen=True)
class Classifier:
    """A trained classifier and what its signatures need.

    Attributes:
        model: From `build_classifier` or `average_classifiers`.
        class_names: Its `K` classes, in output order.
        crop_bottom: Pixel rows to remove from the bottom of every image, in source pixels.
        top_k: The most labels in a prediction.
        abstention: The temperature and the thresholds; None for none.
        class_means: For every attended map of the model, what its distances are from; none for no
            output `distance`.
        graph: The model's inference graph; None computes the model as it is.
    """

    model: keras.Model
    class_names: tuple[str, ...]
    crop_bottom: int = 0
    top_k: int = TOP
    abstention: Abstention | None = None
    class_means: tuple[ClassMeans, ...] = ()
    graph: InferenceGraph | None = None

    def load(self, image_bytes: tf.Tensor) -> tuple[Any, tf.Tensor]:
        """Decodes image files, string `[n]`, to the model's input; also returns which are valid."""
        return load_batch(image_bytes, image_sizes(self.model), self.crop_bottom)

    def run(self, images: Any) -> list[tf.Tensor]:
        """Returns the model's output and its attended feature maps, `[n, ...]` each."""
        # Batch normalisation crashes on an empty batch, so one black image takes its place.
        count = tf.shape(tf.nest.flatten(images)[0])[0]
        more = [[0, tf.maximum(0, 1 - count)], [0, 0], [0, 0], [0, 0]]
        padded = tf.nest.map_structure(lambda x: tf.pad(x, more), images)
        run = self.graph or partial(infer, with_maps(self.model))
        return [x[:count] for x in run(padded)]

    def answer(self, probabilities: tf.Tensor, maps: Sequence[tf.Tensor]) -> Outputs:
        """Returns the outputs that every signature may have, from those of `run`.

        Args:
            probabilities: The model's output, `[n, K]`.
            maps: Its attended feature maps.

        Returns:
            `probabilities`, calibrated; `distance`, if there are class means; and `accepted`, if
            there is an abstention.
        """
        answer = {"probabilities": probabilities}
        if self.class_means:
            answer["distance"] = mean_distance(maps, self.class_means)
        if self.abstention is None:
            return answer
        logarithms = tf.math.log(tf.maximum(probabilities, TINY))
        probabilities = tf.nn.softmax(logarithms / self.abstention.temperature)
        accepted = tf.reduce_max(probabilities, axis=1) >= self.abstention.threshold
        if self.abstention.limit is not None:
            accepted &= answer["distance"] <= self.abstention.limit
        return answer | {"probabilities": probabilities, "accepted": accepted}


def every_output(classifier: Classifier) -> Callable[[tf.Tensor], Outputs]:
    """Returns the function from `images`, as of `serving_tensor`, to `Classifier.answer`."""

    def call(images: tf.Tensor) -> Outputs:
        probabilities, *maps = classifier.run(images)
        return classifier.answer(probabilities, maps)

    return call


def serving_tensor(classifier: Classifier) -> Callable[[tf.Tensor], Outputs]:
    """Returns the signature from `images`, float32 `[n, S, S, 3]` in RGB 0 to 255.

    Its output is `probabilities [n, K]`. Only with a threshold, when it also has `accepted`, it has
    `distance [n]`: TensorFlow Serving's REST protocol writes the rows of a single output without
    its name, and clients read them so.
    """
    whole = every_output(classifier)
    if classifier.abstention:
        return whole
    return lambda images: {"probabilities": whole(images)["probabilities"]}


def serving_default(classifier: Classifier) -> Callable[[tf.Tensor], Outputs]:
    """Returns the signature from `image_bytes`, string `[n]`, to labels and probabilities.

    Its outputs are `probabilities [n, K]`, `top_probabilities [n, k]` and `top_labels [n, k]`
    with `k = min(top_k, K)`, `distance [n]` if there are class means, and `valid [n]`: false, with
    zeros and empty labels, for a row that can't be decoded.
    """
    names = tf.constant(classifier.class_names)
    top = min(classifier.top_k, len(classifier.class_names))

    def call(image_bytes: tf.Tensor) -> Outputs:
        images, valid = classifier.load(image_bytes)
        probabilities, *maps = classifier.run(images)
        answer = classifier.answer(probabilities, maps)
        top_probabilities, indices = tf.math.top_k(answer["probabilities"], top)
        answer |= {
            "top_probabilities": top_probabilities,
            "top_labels": tf.gather(names, indices),
        }
        return _blank(answer, valid)

    return call


def explain(classifier: Classifier) -> Callable[[tf.Tensor], Outputs]:
    """Returns the signature from `image_bytes`, string `[n]`, to probabilities and heat maps.

    Its outputs are `probabilities [n, K]`, `heatmap [n, h, w]`, `distance [n]` if there are class
    means, and `valid [n]`. The heat map is
    `attention_energy` at the size of the feature map, and zero where `valid` is false. Of a model
    that averages, it is the mean over classifiers and views (`mean_energy`), at the size of the
    largest feature map: it shows what the mean of the probabilities rests on.
    """

    def call(image_bytes: tf.Tensor) -> Outputs:
        images, valid = classifier.load(image_bytes)
        probabilities, *maps = classifier.run(images)
        answer = classifier.answer(probabilities, maps) | {"heatmap": mean_energy(maps)}
        return _blank(answer, valid)

    return call


def features(classifier: Classifier) -> Callable[[tf.Tensor], Outputs]:
    """Returns the function from `image_bytes`, string `[n]`, to probabilities and features.

    It is no signature of an export. Its outputs are `probabilities [n, K]`, `features [n, d]`, the
    means of the attended feature maps, side by side if there are several, and `valid [n]`.
    """

    def call(image_bytes: tf.Tensor) -> Outputs:
        images, valid = classifier.load(image_bytes)
        probabilities, *maps = classifier.run(images)
        means = tf.concat([means_of(features) for features in maps], axis=1)
        answer = classifier.answer(probabilities, maps) | {"features": means}
        return _blank(answer, valid)

    return call


SIGNATURES = {
    "serving_default": serving_default,
    "serving_tensor": serving_tensor,
    "explain": explain,
}


def signatures_of(model: keras.Model) -> tuple[str, ...]:
    """Returns the names of the signatures that a model can have, from `SIGNATURES`.

    A model that takes images of several sizes has no `serving_tensor`: it resizes each photo to
    every size, and pixels that are resized already would be resized twice.
    """
    several = isinstance(image_sizes(model), tuple)
    return tuple(name for name in SIGNATURES if not (several and name == "serving_tensor"))


def input_spec(signature: str, model: keras.Model) -> tf.TensorSpec:
    """Returns the named input of a signature from `SIGNATURES`."""
    if signature == "serving_tensor":
        return tf.TensorSpec([None, *model.input_shape[1:]], tf.float32, name="images")
    return tf.TensorSpec([None], tf.string, name="image_bytes")


def _blank(answer: Outputs, valid: tf.Tensor) -> Outputs:
    """Replaces rows that are not valid by zeros, empty strings and false."""

    def blank(rows: tf.Tensor) -> tf.Tensor:
        shown = tf.reshape(valid, [-1] + [1] * (rows.shape.rank - 1))
        return tf.where(shown, rows, tf.zeros([], rows.dtype))

    return {name: blank(rows) for name, rows in answer.items()} | {"valid": valid}
