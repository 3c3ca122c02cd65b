"""The attended features of images, from the stored feature maps of a frozen backbone."""

import keras
import numpy as np

from fgmix.config.train_config import TrainConfig
from fgmix.data.dataset import ImageDataset
from fgmix.models.backbones.registry import name_in_files
from fgmix.models.classifier import ATTENTION_LAYER
from fgmix.models.split import split_model
from fgmix.training.frozen.features import provide_features

AT_ONCE = 128


def attended_features(
    model: keras.Model, config: TrainConfig, dataset: ImageDataset
) -> dict[str, np.ndarray]:
    """Returns the means over the positions of the attended feature maps of images.

    Args:
        model: A classifier that was trained on a frozen backbone.
        config: The settings it was trained with.
        dataset: The images.

    Returns:
        By split, float32 `(n, C)`.

    Raises:
        FgmixError: If features are missing and can't be stored.
    """
    stored = provide_features(
        split_model(model).backbone,
        dataset,
        name=name_in_files(config.backbone),
        augmentation=config.augmentation,
        wanted=dict.fromkeys(dataset.splits, 1),
    )
    attention = model.get_layer(ATTENTION_LAYER)

    def means(maps: np.ndarray) -> np.ndarray:
        found = attention(maps.astype(np.float32), training=False)
        return keras.ops.convert_to_numpy(
            keras.ops.mean(keras.ops.cast(found, "float32"), axis=(1, 2))
        )

    def attended(maps: np.ndarray, rows: np.ndarray) -> np.ndarray:
        starts = range(0, len(rows), AT_ONCE)
        return np.concatenate([means(maps[rows[start : start + AT_ONCE]]) for start in starts])

    return {split: attended(*stored[split, 0]) for split in dataset.splits}
