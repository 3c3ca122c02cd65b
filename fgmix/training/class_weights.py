"""Class weights: in the loss, a rare class may count as much as a frequent one.

A weight belongs to a label and is a factor of its example's loss, so the loss of a step remains a
mean over its examples: parts of a step (`--accumulate`) and devices, which have equal numbers of
examples, divide it as they divide the unweighted one.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from fgmix.config.train_config import TrainConfig
from fgmix.data.dataset import ImageDataset


def class_weights(config: TrainConfig, dataset: ImageDataset) -> np.ndarray | None:
    """Returns the weights of the classes in the loss, `(K,)`; None for none.

    Args:
        config: A resolved config.
        dataset: The data set as it is trained on: `"train"` without the images that are held out.
    """
    if config.class_weights == "none":
        return None
    return balanced_weights(dataset.splits["train"].labels, len(dataset.class_names))


def balanced_weights(labels: np.ndarray, num_classes: int) -> np.ndarray:
    """Returns weights with which all classes have the same sum over their examples.

    They are `n / (K' n_c)` for `n` examples, `n_c` of them of class `c`, and `K'` classes that have
    examples, as in scikit-learn's `class_weight="balanced"`. Their mean over the examples is 1.

    Args:
        labels: Integer `(n,)`.
        num_classes: `K`.

    Returns:
        float32 `(K,)`; 0 for a class without examples.

    Example:
        >>> balanced_weights(np.array([0, 0, 0, 1]), num_classes=2).round(2).tolist()
        [0.67, 2.0]
    """
    counts = np.bincount(labels, minlength=num_classes)
    present = counts > 0
    weights = np.zeros(num_classes)
    weights[present] = len(labels) / (present.sum() * counts[present])
    return weights.astype(np.float32)


def describe_weights(weights: np.ndarray, class_names: Sequence[str]) -> str:
    """Returns a line with the largest and the smallest weight of a class that has examples.

    Example:
        >>> describe_weights(np.array([2.0, 0.667, 0.0]), ("crow", "dove", "emu"))
        'class weights: from 0.667 (dove) to 2 (crow), mean 1 over the training photos'
    """
    present = np.flatnonzero(weights)
    low = present[weights[present].argmin()]
    high = present[weights[present].argmax()]
    if weights[low] == weights[high]:
        return "class weights: all 1, because all classes have equally many training photos"
    shown = " to ".join(f"{weights[i]:.3g} ({class_names[i]})" for i in (low, high))
    return f"class weights: from {shown}, mean 1 over the training photos"


class WeightedCrossEntropy(keras.losses.Loss):
    """Cross-entropy whose examples have the weights of their classes.

    Unlike Keras's `class_weight`, it needs no third element in a batch.

    Args:
        weights: `(K,)`, the weight of each class.
        label_smoothing: Share of the target that is distributed over all classes; an example has
            the weight of its label.

    Example:
        >>> loss = WeightedCrossEntropy(np.array([2.0, 1.0]))
        >>> labels, outputs = np.eye(2), np.array([[0.5, 0.5], [0.0, 1.0]])
        >>> round(float(loss(labels, outputs)), 3)  # (2 ln 2 + 0) / 2
        0.693
    """

    def __init__(self, weights: np.ndarray, label_smoothing: float = 0.0):
        super().__init__(name="weighted_cross_entropy")
        self.weights = weights
        self.label_smoothing = label_smoothing

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Returns the weighted loss of each example, `(n,)`.

        Args:
            y_true: One-hot labels, `(n, K)`.
            y_pred: Probabilities, `(n, K)`.
        """
        losses = keras.losses.categorical_crossentropy(
            y_true, y_pred, label_smoothing=self.label_smoothing
        )
        weights = keras.ops.convert_to_tensor(self.weights, y_true.dtype)
        return losses * keras.ops.sum(y_true * weights, axis=-1)


def training_loss(label_smoothing: float, weights: np.ndarray | None) -> keras.losses.Loss:
    """Returns the loss of training: cross-entropy, with class weights if there are any."""
    if weights is None:
        return keras.losses.CategoricalCrossentropy(label_smoothing=label_smoothing)
    return WeightedCrossEntropy(weights, label_smoothing)
