"""The energy of the attended feature map laid over the photo (the paper's Fig. 3)."""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

from fgmix.data.dataset import ImageDataset
from fgmix.data.decode import decode_image, resize_image
from fgmix.evaluation.energy import attention_energy
from fgmix.evaluation.evaluate import Evaluation
from fgmix.evaluation.overlay import overlay
from fgmix.files import replacing
from fgmix.models.classifier import ATTENTION_LAYER


def save_heatmaps(
    path: Path, model: keras.Model, dataset: ImageDataset, split: str, found: Evaluation, count: int
) -> None:
    """Draws photos and the same photos under their heat maps, with what the model said.

    Args:
        path: A PNG file.
        model: The classifier.
        dataset: The data set.
        split: The split that `found` is of.
        found: The classifier's answers.
        count: How many photos, spread evenly over the split.
    """
    attended = keras.Model(model.input, model.get_layer(ATTENTION_LAYER).output)
    files = dataset.files(split)
    chosen = np.unique(np.linspace(0, len(files) - 1, count).astype(int))
    columns = min(4, len(chosen))
    rows = -(-len(chosen) // columns)
    figure = Figure(figsize=(3.2 * columns, 4.4 * rows), layout="constrained", dpi=110)
    axes = figure.subplots(2 * rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for place, index in enumerate(chosen):
        photo = decode_image(tf.io.read_file(files[index]), dataset.crop_bottom)
        small = resize_image(photo, model.input_shape[1])
        energy = attention_energy(attended(small[None], training=False))
        row, column = divmod(place, columns)
        above, below = axes[2 * row, column], axes[2 * row + 1, column]
        above.imshow(photo)
        below.imshow(overlay(photo.numpy(), energy[0].numpy()))
        above.set_title(*_title(found, index))
    with replacing(path) as beside:
        figure.savefig(beside)


def _title(found: Evaluation, index: int) -> tuple[str, dict]:
    guess = int(found.probabilities[index].argmax())
    label, said = found.class_names[found.labels[index]], found.class_names[guess]
    chance = f"{found.probabilities[index, guess]:.0%}"
    if guess == found.labels[index]:
        return f"{said}, {chance}: right", {"fontsize": 9, "color": "#1a7f37"}
    return f"{label}\nsaid {said}, {chance}", {"fontsize": 9, "color": "#b42318"}
