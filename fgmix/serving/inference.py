"""The inference graph: a model with BatchNorm folded into convolutions, and weights as constants.

It computes what the model computes, to `LIMITS`, in less time: a folded BatchNorm takes
none, and TensorFlow lays constant weights out for the processor once instead of at every call.
"""

import logging
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from fgmix.models.ensemble import with_maps
from fgmix.models.folding import find_foldable, folded
from fgmix.models.fused_batchnorm import infer

log = logging.getLogger(__name__)

LIMITS = (1e-5, 1e-4)
"""The largest difference of probabilities, and of attended feature maps, between the inference
graph and the model, relative to the largest value of the output. Maps serve heat maps alone, and
many layers of pretrained weights can carry the rounding of float32 beyond the first limit."""
CONSTANT_BYTES, ALL_CONSTANT_BYTES = 16 << 20, 128 << 20
"""The largest size of a weight, and of all weights, that become constants.

A graph is copied several times when it is loaded, with its constants: that takes about 0.03 s a
MiB, and three times as long for a single large one.
"""
CHECKED_IMAGES = 2


class InferenceGraph:
    """A graph from images to probabilities and attended feature maps.

    Attributes:
        folded: The number of BatchNorms that other layers compute.
        constants: The number of weights that are constants.
        kept: The other weights, and the states of random generators, as variables.
    """

    def __init__(self, model: keras.Model, *, fold: bool = True, constants: bool = True):
        """Traces the graph. It is not to be used once the model is trained further.

        Args:
            model: From `build_classifier` or `average_classifiers`, on Keras's TensorFlow backend.
            fold: Whether to fold BatchNorm.
            constants: Whether weights become constants, as far as the limits of this module allow.
        """
        whole = with_maps(model)
        found = find_foldable(whole) if fold else []
        changed = {id(variable): value for one in found for variable, value in one.values}
        weights = [(v, changed.get(id(v), v.value)) for v in model.variables]
        fixed, kept = _constants(weights) if constants else ([], weights)
        fixed = [(v, np.asarray(keras.ops.convert_to_numpy(value))) for v, value in fixed]
        # Variables of the model, or new ones.
        self.kept: list[tf.Variable] = [
            x if isinstance(x, tf.Variable) else tf.Variable(x) for _, x in kept
        ]
        self.folded, self.constants = len(found), len(fixed)

        def call(*images: tf.Tensor) -> list[tf.Tensor]:
            others = [(v, x) for (v, _), x in zip(kept, self.kept, strict=True)]
            with folded(found), keras.StatelessScope([*fixed, *others]):
                return list(infer(whole, images if len(images) > 1 else images[0]))

        specs = [
            tf.TensorSpec([None, *x.shape[1:]], tf.float32) for x in keras.tree.flatten(model.input)
        ]
        self.function = tf.function(call, autograph=False).get_concrete_function(*specs)

    def __call__(self, images: Any) -> list[tf.Tensor]:
        """Returns `[probabilities, *attended maps]` of the model's input; `n` may not be 0."""
        return list(self.function(*tf.nest.flatten(images)))


Weights = list[tuple[keras.Variable, Any]]


def _constants(weights: Weights) -> tuple[Weights, Weights]:
    """Separates weights that become constants from other variables."""

    def small(variable: keras.Variable) -> bool:
        # The state of a random generator is no weight: no graph for inference uses it.
        return _bytes(variable) <= CONSTANT_BYTES and "float" in str(variable.dtype)

    if sum(_bytes(v) for v, _ in weights if small(v)) > ALL_CONSTANT_BYTES:
        return [], weights
    return [item for item in weights if small(item[0])], [
        item for item in weights if not small(item[0])
    ]


def _bytes(variable: keras.Variable) -> int:
    return 4 * int(np.prod(variable.shape))


def differences(graph: InferenceGraph, model: keras.Model) -> tuple[float, float]:
    """Returns the largest differences between a graph and its model on drawn images.

    Returns:
        That of the probabilities and that of the attended feature maps, each relative to the
        largest value of the output.
    """
    rng = np.random.default_rng(0)
    images = keras.tree.map_structure(
        lambda x: tf.constant(_draw(rng, x.shape[1]), tf.float32), model.input
    )
    found_differences = []
    for found, expected in zip(
        graph(images), with_maps(model)(images, training=False), strict=True
    ):
        expected = np.asarray(expected, np.float64)
        error = np.abs(np.asarray(found, np.float64) - expected).max()
        found_differences.append(float(error / max(np.abs(expected).max(), np.finfo("f").tiny)))
    probabilities, *maps = found_differences
    return probabilities, max(maps)


def _draw(rng: np.random.Generator, size: int) -> np.ndarray:
    """Draws images with structure at several scales, `(CHECKED_IMAGES, size, size, 3)`."""
    images = np.zeros((CHECKED_IMAGES, size, size, 3))
    for cells in (2, 8, size):
        values = rng.uniform(0, 255 / 3, (CHECKED_IMAGES, cells, cells, 3))
        index = np.arange(size) * cells // size
        images += values[:, index][:, :, index]
    return images


def inference_graph(model: keras.Model) -> InferenceGraph:
    """Returns the inference graph of a model, checked on drawn images.

    If folding would change an output by more than `LIMITS`, nothing is folded, and a line is
    logged.

    Args:
        model: From `build_classifier` or `average_classifiers`.
    """
    graph = InferenceGraph(model)
    if not graph.folded:
        return graph
    found = differences(graph, model)
    if all(one <= limit for one, limit in zip(found, LIMITS, strict=True)):
        return graph
    log.warning(
        "BatchNorm is not folded into the convolutions: probabilities would differ by %.1e (limit: "
        "%g), feature maps by %.1e (limit: %g)",
        *(found[0], LIMITS[0], found[1], LIMITS[1]),
    )
    return InferenceGraph(model, fold=False)
