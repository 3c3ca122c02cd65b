"""The heat maps of a classifier."""

from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from fgmix.data.codec.resize import resize_image
from fgmix.explanation.energy import attention_energy, unit_scale
from fgmix.layers import CBAM, MixedAttention, SpatialAttention
from fgmix.layers.numerics import scale
from fgmix.layers.residual import without_residual
from fgmix.models.classifier import ATTENTION_LAYER

PREDICTED = -1
"""The class index that stands for the most likely class."""

SPATIAL_MAPS: dict[type, Callable[[keras.layers.Layer, tf.Tensor], tf.Tensor]] = {
    SpatialAttention: lambda layer, features: layer.spatial_map(features),
    MixedAttention: lambda layer, features: layer.spatial.spatial_map(features),
    CBAM: lambda layer, features: layer.spatial_map(scale(features, layer.channel_map(features))),
}
"""Maps an attention layer's class to its spatial weights, `(layer, features) -> (batch, height,
width, 1)`."""


class Seen(NamedTuple):
    """The predictions and heat maps for a batch of images.

    Attributes:
        probabilities: float32 `(n, K)`.
        heat: Maps names from `MAP_NAMES` to float32 `(n, rows, columns)` in [0, 1], without the
            maps that the classifier does not have.
    """

    probabilities: np.ndarray
    heat: dict[str, np.ndarray]


class MapMaker:
    """Computes the heat maps of one classifier, each scaled to [0, 1] within its image.

    `before` and `energy`: the energy of the last feature map before and after attention.

    `spatial`: the weight of every position, `gate(v)`; only for attention that has one.

    `gradcam`: Grad-CAM of a class, `relu(sum_k a_k A_k)`, where `A_k` are the channels of the
    attended feature map and `a_k` is the mean over positions of the gradient of the class's logit
    (Selvaraju et al., ICCV 2017, equations 1 and 2).

    Args:
        model: From `build_classifier`.

    Attributes:
        image_size: Side of the model's input.
        has_spatial_map: Whether there is a map `spatial`.
    """

    def __init__(self, model: keras.Model):
        self._attention = model.get_layer(ATTENTION_LAYER)
        self._weighting = without_residual(self._attention)
        self._spatial_map = SPATIAL_MAPS.get(type(self._weighting))
        self.image_size: int = model.input_shape[1]
        self.has_spatial_map = self._spatial_map is not None
        self._model = keras.Model(
            model.input,
            [
                self._attention.input,
                self._attention.output,
                model.get_layer("logits").output,
                model.output,
            ],
        )
        self._images = tf.TensorSpec([None, *model.input_shape[1:]], tf.float32)

    def __call__(self, images: np.ndarray, class_index: int = PREDICTED) -> Seen:
        """Computes all maps.

        Args:
            images: float32 `(n, S, S, 3)`, RGB in [0, 255].
            class_index: The class of Grad-CAM; by default the most likely class of each image.
        """
        probabilities, heat = self._see(
            tf.convert_to_tensor(images), tf.constant(class_index, "int32")
        )
        return Seen(probabilities.numpy(), {name: maps.numpy() for name, maps in heat.items()})

    def maps_of(self, image: np.ndarray, class_index: int = PREDICTED) -> Seen:
        """Computes all maps of one image, uint8 `(h, w, 3)`, with `n = 1`."""
        return self(resize_image(image, self.image_size)[None], class_index)

    def classify(self, images: np.ndarray) -> np.ndarray:
        """Returns the probabilities alone, float32 `(n, K)`."""
        return self._classify(tf.convert_to_tensor(images)).numpy()

    # Traced once per classifier. TensorFlow mistakes a `tf.function` made for each of several
    # classifiers for repeated retracing of one, and warns.
    @cached_property
    def _see(self) -> Callable[..., Any]:
        class_index = tf.TensorSpec([], tf.int32)
        return tf.function(self._compute, autograph=False).get_concrete_function(
            self._images, class_index
        )

    @cached_property
    def _classify(self) -> Callable[..., Any]:
        answer = tf.function(lambda batch: self._model(batch, training=False)[-1], autograph=False)
        return answer.get_concrete_function(self._images)

    def _compute(
        self, images: tf.Tensor, class_index: tf.Tensor
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        with tf.GradientTape() as tape:
            tape.watch(images)
            features, attended, logits, probabilities = self._model(images, training=False)
            likeliest = tf.argmax(probabilities, axis=1, output_type=tf.int32)
            classes = tf.where(class_index == PREDICTED, likeliest, class_index)
            chosen = tf.gather(logits, classes, axis=1, batch_dims=1)
        gradients = tf.cast(tape.gradient(chosen, attended), tf.float32)
        weights = tf.reduce_mean(gradients, axis=(1, 2))
        cam = tf.nn.relu(tf.einsum("bhwc,bc->bhw", tf.cast(attended, tf.float32), weights))
        heat = {
            "before": attention_energy(features),
            "energy": attention_energy(attended),
            "gradcam": unit_scale(cam),
        }
        if self._spatial_map is not None:
            own = getattr(self._attention, "own", lambda features: features)
            values = self._spatial_map(self._weighting, own(features))
            heat["spatial"] = unit_scale(tf.cast(values[..., 0], tf.float32))
        return probabilities, heat
