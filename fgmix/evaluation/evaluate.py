"""Evaluates a classifier on a split of a data set."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from fgmix.data.dataset import ImageDataset
from fgmix.data.pipeline import evaluation_batches
from fgmix.evaluation.metrics import classification_metrics, summarize
from fgmix.files import replacing, write_csv
from fgmix.models.ensemble import image_sizes, split_features, with_features
from fgmix.training.distributed.distribution import ONE_DEVICE, Distribution


@dataclass(frozen=True, repr=False)
class Evaluation:
    """A classifier's predictions on one split.

    Attributes:
        paths: The images, relative to the data set's root.
        labels: int32 `(n,)`, the true classes.
        probabilities: float32 `(n, K)`.
        class_names: `K` names.
        metrics: From `classification_metrics`.
        features: Where they were asked for: of every attended map of the model, its means over the
            positions, float32 `(n, d)`.
    """

    paths: tuple[str, ...]
    labels: np.ndarray
    probabilities: np.ndarray
    class_names: tuple[str, ...]
    metrics: dict[str, Any]
    features: tuple[np.ndarray, ...] = ()

    def __repr__(self) -> str:
        """The metrics in a line; the arrays would fill a screen."""
        return f"<Evaluation: {summarize(self.metrics, 'all')}>"

    def write_predictions(self, path: Path) -> None:
        """Writes path, true label, predicted label and probability, one row per image."""
        predicted = self.probabilities.argmax(axis=1)
        rows = (
            {
                "path": image,
                "label": self.class_names[label],
                "predicted": self.class_names[guess],
                "probability": f"{row[guess]:.6f}",
            }
            for image, label, guess, row in zip(
                self.paths, self.labels, predicted, self.probabilities, strict=True
            )
        )
        write_csv(path, ["path", "label", "predicted", "probability"], rows)

    def write_probabilities(self, path: Path) -> None:
        """Writes `probabilities` as a NumPy file, with the rows of `write_predictions`."""
        with replacing(path) as beside:
            np.save(beside, self.probabilities)


def evaluate(
    model: keras.Model,
    dataset: ImageDataset,
    split: str,
    *,
    batch_size: int = 32,
    distribution: Distribution = ONE_DEVICE,
    features: bool = False,
) -> Evaluation:
    """Runs the classifier over every image of a split.

    Args:
        model: From `build_classifier` or `average_classifiers`. Its outputs are the classes of
            `dataset`, in order.
        dataset: The data set.
        split: The split's name.
        batch_size: Images per step; it affects speed only.
        distribution: The devices and processes that share the work; all processes must call this.
        features: Whether to return the features too.
    """
    chosen = dataset.splits[split]
    batches = evaluation_batches(
        dataset,
        split,
        image_size=image_sizes(model),
        batch_size=batch_size,
        shard=distribution.shard,
        filled=distribution.divided,
    )
    bar = 1 if sys.stdout.isatty() else 0
    whole = with_features(model) if features else model
    rows = distribution.predict(whole, batches, bar)[: len(chosen)]
    probabilities, *means = split_features(model, rows) if features else [rows]
    metrics = classification_metrics(probabilities, chosen.labels, dataset.class_names)
    return Evaluation(
        chosen.paths, chosen.labels, probabilities, dataset.class_names, metrics, tuple(means)
    )
