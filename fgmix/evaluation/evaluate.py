"""Evaluates a classifier on a split of a data set."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from fgmix.data.dataset import ImageDataset, Split
from fgmix.data.pipeline import evaluation_batches
from fgmix.data.sources.names import differing, looks_like
from fgmix.errors import FgmixError
from fgmix.evaluation.metrics import classification_metrics
from fgmix.files import replacing, write_csv
from fgmix.training.distributed.distribution import ONE_DEVICE, Distribution


@dataclass(frozen=True)
class Evaluation:
    """A classifier's predictions on one split.

    Attributes:
        paths: The images, relative to the data set's root.
        labels: int32 `(n,)`, the true classes.
        probabilities: float32 `(n, K)`.
        class_names: `K` names.
        metrics: From `classification_metrics`.
    """

    paths: tuple[str, ...]
    labels: np.ndarray
    probabilities: np.ndarray
    class_names: tuple[str, ...]
    metrics: dict[str, Any]

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
) -> Evaluation:
    """Runs the classifier over every image of a split.

    Args:
        model: A classifier whose outputs are the classes of `dataset`, in order.
        dataset: The data set.
        split: The split's name.
        batch_size: Images per step; it affects speed only.
        distribution: The devices and processes that share the work; all processes must call this.
    """
    chosen = dataset.splits[split]
    batches = evaluation_batches(
        dataset,
        split,
        image_size=model.input_shape[1],
        batch_size=batch_size,
        shard=distribution.shard,
        filled=distribution.divided,
    )
    bar = 1 if sys.stdout.isatty() else 0
    probabilities = distribution.predict(model, batches, bar)[: len(chosen)]
    metrics = classification_metrics(probabilities, chosen.labels, dataset.class_names)
    return Evaluation(chosen.paths, chosen.labels, probabilities, dataset.class_names, metrics)


def align_classes(dataset: ImageDataset, class_names: tuple[str, ...]) -> ImageDataset:
    """Returns a data set whose classes are numbered as the model's outputs.

    Args:
        dataset: A data set, the model's own or another one.
        class_names: The model's classes, in output order.

    Raises:
        FgmixError: If the data set has a class that the model doesn't know.
    """
    if dataset.class_names == class_names:
        return dataset
    unknown = [name for name in dataset.class_names if name not in class_names]
    if unknown:
        shown = ", ".join(repr(name) for name in unknown[:5]) + (", ..." if unknown[5:] else "")
        alike = [(other, name) for name in unknown if (other := looks_like(name, class_names))]
        hint = f"; rename one of {differing(*alike[0])}" if alike else ""
        raise FgmixError(
            f"{len(unknown)} of the {len(dataset.class_names)} classes of {dataset.name} are "
            f"not among the model's {len(class_names)}: {shown}{hint}"
        )
    index = np.array([class_names.index(name) for name in dataset.class_names], np.int32)
    splits = {k: Split(v.paths, index[v.labels]) for k, v in dataset.splits.items()}
    return replace(dataset, class_names=class_names, splits=splits)
