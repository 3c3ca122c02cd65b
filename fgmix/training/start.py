"""The start of training: a linear head starts as a probe of the pretrained features.

The weights of the start are kept in the run's folder until it is finished: a resumed run needs
them, because the final ones may lie between start and end (`fgmix.training.interpolation`).
"""

import logging
from pathlib import Path

import keras
import numpy as np

from fgmix.config.train_config import TrainConfig
from fgmix.data.dataset import ImageDataset
from fgmix.files import replacing
from fgmix.models.backbones.registry import name_in_files
from fgmix.models.heads import LOGITS, NORMALIZATION
from fgmix.models.split import split_model
from fgmix.training.distributed.distribution import ONE_DEVICE, Distribution
from fgmix.training.frozen.features import mean_features, provide_features
from fgmix.training.probe import fit_probe

log = logging.getLogger(__name__)

START = "start.npz"
VIEWS = 2
"""The probe is fitted to every image and its mirror image."""


def starts_as_probe(config: TrainConfig) -> bool:
    """Returns whether the classifier of a resolved config starts as a probe."""
    return config.head == "linear" and config.weights != "none"


def start_from_probe(
    model: keras.Model,
    config: TrainConfig,
    dataset: ImageDataset,
    directory: Path,
    distribution: Distribution = ONE_DEVICE,
) -> None:
    """Makes a classifier with a linear head the probe of its pretrained features.

    The attention must not change the features yet, as `fgmix.layers.ResidualAttention` does not.

    Args:
        model: A classifier from `build_model`; its last two layers are set.
        config: A resolved config.
        dataset: The data set; the probe is fitted to `"train"`.
        directory: The run's folder. A start that it contains, of an interrupted run, is taken.
        distribution: The devices and processes.

    Raises:
        FgmixError: If the features can't be stored.
    """
    file = directory / START
    if config.resume and file.exists():
        with np.load(file) as arrays:
            model.set_weights([arrays[name] for name in arrays.files])
        return
    backbone = split_model(model).backbone
    stored = provide_features(
        backbone,
        dataset,
        name=name_in_files(config.backbone),
        augmentation=config.augmentation,
        wanted={"train": VIEWS},
    )
    normalize, logits = model.get_layer(NORMALIZATION), model.get_layer(LOGITS)
    means = np.concatenate([mean_features(*stored["train", view]) for view in range(VIEWS)])
    normalized = keras.ops.convert_to_numpy(normalize(means))
    center = normalized.mean(axis=0)
    labels = dataset.splits["train"].labels
    images = np.arange(len(labels))
    probe = fit_probe(
        normalized - center,
        np.tile(labels, VIEWS),
        np.tile(images, VIEWS),
        len(dataset.class_names),
    )
    # The processes of a run may round differently, but must start alike.
    center, kernel, bias = distribution.from_leader([center, probe.kernel, probe.bias])
    normalize.center.assign(center)
    logits.kernel.assign(kernel)
    logits.bias.assign(bias)
    if probe.accuracy is None:
        log.info("start: a linear probe of the pretrained features")
    else:
        log.info(
            "start: a linear probe of the pretrained features, top-1 %.1f%% in cross-validation on "
            "the training photos",
            100 * probe.accuracy,
        )
    if distribution.leads:
        with replacing(file) as beside, beside.open("wb") as target:
            np.savez(target, *model.get_weights())
