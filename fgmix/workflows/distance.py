"""Fits the class means of a trained classifier, which the distance of an image is from."""

import logging
from dataclasses import replace

import keras
import numpy as np

from fgmix.config.train_config import TrainConfig
from fgmix.data.dataset import ImageDataset, Split, evenly_spaced
from fgmix.evaluation.evaluate import evaluate
from fgmix.evaluation.strangers import fit_class_means
from fgmix.models.class_means import ClassMeans
from fgmix.training.distributed.distribution import ONE_DEVICE, Distribution
from fgmix.training.frozen.attended import attended_features

log = logging.getLogger(__name__)

IMAGES_OF_A_CLASS = 100
"""Training images whose mean is taken: more would move it by less than a tenth of its error."""


def fit_distance(
    model: keras.Model,
    config: TrainConfig,
    dataset: ImageDataset,
    distribution: Distribution = ONE_DEVICE,
) -> ClassMeans:
    """Fits class means to training images, and measures them on validation images.

    Args:
        model: A trained classifier.
        config: The settings it was trained with. Of a frozen backbone, the stored features are
            taken.
        dataset: Its images.
        distribution: The devices and processes; all processes must call this.
    """
    splits = {"train": _some_of_each(dataset)}
    if len(dataset.splits.get("val", ())):
        splits["val"] = dataset.splits["val"]
    some = replace(dataset, splits=splits)
    log.info("distances: %s", ", ".join(f"{len(v):,} {k} photos" for k, v in splits.items()))
    if config.views and not config.finetune_epochs:
        found = attended_features(model, config, some)
    else:
        found = {
            split: evaluate(
                model,
                some,
                split,
                batch_size=config.batch_size,
                distribution=distribution,
                features=True,
            ).features[0]
            for split in splits
        }
    # Of a diverged training, which is refused when its files are written.
    found = {split: np.nan_to_num(rows) for split, rows in found.items()}
    held_out = (found["val"], splits["val"].labels) if "val" in found else None
    return fit_class_means(
        found["train"], splits["train"].labels, len(dataset.class_names), held_out
    )


def _some_of_each(dataset: ImageDataset) -> Split:
    """Returns the training split with at most `IMAGES_OF_A_CLASS` of every class, in order."""
    split = dataset.splits["train"]
    kept = []
    for label in range(len(dataset.class_names)):
        of_class = np.flatnonzero(split.labels == label)
        kept.append(of_class[evenly_spaced(len(of_class), IMAGES_OF_A_CLASS)])
    return split.take(np.sort(np.concatenate(kept)))
