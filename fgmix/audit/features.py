"""Features of a pretrained backbone, by which an audit compares what images show."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fgmix.data.dataset import ImageDataset, Split
from fgmix.errors import FgmixError
from fgmix.models.backbones.checks import check_backbone
from fgmix.models.backbones.pretrained import require_backbone
from fgmix.models.backbones.registry import BACKBONES, name_in_files

if TYPE_CHECKING:  # it imports TensorFlow
    from fgmix.audit.scan import ScannedImage

IMAGE_SIZE = 224

NEIGHBOURS = 3
"""Of each image, how many with the most similar features are aligned with it."""

MIN_SIMILARITY = 0.75
"""The least cosine of the features of images that are aligned."""

_BLOCK = 512


class BackboneChoice(NamedTuple):
    """A pretrained backbone.

    Attributes:
        name: A registry name.
        weights: `"imagenet"`, or the path of a file.
    """

    name: str
    weights: str = "imagenet"


def choose_backbone(name: str | None, weights: str | None = None) -> BackboneChoice | None:
    """Returns a backbone that can be built; None if none is named. Keras is not imported.

    Args:
        name: A registry name.
        weights: `"imagenet"`, the default, or the path of a file.

    Raises:
        FgmixError: If the backbone is unknown, or its weights are missing or random.
    """
    if name is None:
        if weights is not None:
            raise FgmixError("--weights needs --backbone")
        return None
    if name not in BACKBONES:
        raise FgmixError(f"--backbone {name}: choose from {', '.join(BACKBONES)}")
    choice = BackboneChoice(name, weights or "imagenet")
    if choice.weights == "none":
        raise FgmixError("--weights none: features of random weights tell nothing")
    check_backbone(choice.name, BACKBONES[choice.name], IMAGE_SIZE, choice.weights)
    return choice


def image_features(
    dataset: ImageDataset, images: "Sequence[ScannedImage]", choice: BackboneChoice
) -> np.ndarray:
    """Returns the features of images: the means of a backbone's last map, of length 1.

    They are stored with those of runs on stored features, and computed once.

    Args:
        dataset: The data set.
        images: Readable images of it, in any order.
        choice: The backbone.

    Returns:
        float32 `(n, C)`.

    Raises:
        FgmixError: If the backbone can't be built, or the disk has too little space.
    """
    from fgmix.models.classifier import build_classifier
    from fgmix.models.split import split_model
    from fgmix.training.frozen.features import mean_features, provide_features

    require_backbone(choice.name)
    model = build_classifier(
        2, choice.name, "none", weights=choice.weights, image_size=IMAGE_SIZE, pooling="avg"
    )
    index = {name: label for label, name in enumerate(dataset.class_names)}
    labels = np.array([index[image.class_name] for image in images], np.int32)
    everything = Split(tuple(image.path for image in images), labels)
    stored = provide_features(
        split_model(model).backbone,
        ImageDataset(
            dataset.name,
            dataset.root,
            dataset.class_names,
            {"all": everything},
            crop_bottom=dataset.crop_bottom,
        ),
        name=name_in_files(choice.name),
        augmentation="none",
        wanted={"all": 1},
    )
    means = mean_features(*stored["all", 0])
    return means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)


def similar_pairs(features: np.ndarray) -> list[tuple[int, int]]:
    """Returns pairs of images with similar features, `(one, other)` with `one < other`.

    Args:
        features: float32 `(n, C)`, of length 1.
    """
    pairs = set()
    count = min(NEIGHBOURS, len(features) - 1)
    for start in range(0, len(features) if count > 0 else 0, _BLOCK):
        cosines = features[start : start + _BLOCK] @ features.T
        rows = np.arange(len(cosines))
        cosines[rows, start + rows] = -1
        nearest = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
        for row in rows.tolist():
            for other in nearest[row].tolist():
                if cosines[row, other] >= MIN_SIMILARITY:
                    pairs.add((min(start + row, other), max(start + row, other)))
    return sorted(pairs)
