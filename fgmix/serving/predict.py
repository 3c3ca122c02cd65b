"""Predictions for image files."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from fgmix.serving.photos import UNREADABLE, describe, describe_failure, read_photo
from fgmix.serving.signatures import Classifier, serving_default
from fgmix.training.run_folder import Run

BATCH = 32


def predict_files(run: Run, files: Iterable[Path]) -> Iterator[dict[str, Any]]:
    """Predicts the class of each file, with the exported signature's own code.

    Args:
        run: A finished run.
        files: Image files.

    Yields:
        For each file, in order: `path`, `label`, `probability` and `top` (pairs of label and
        probability, likeliest first), or `path` and `error` where it can't be read as an image.
    """
    model: keras.Model = run.load_model()
    answer = tf.function(
        serving_default(Classifier(model, run.class_names, run.crop_bottom)),
        input_signature=[tf.TensorSpec([None], tf.string)],
    )
    for group in _batched(files, BATCH):
        contents = [read_photo(path) for path in group]
        outputs = answer(tf.constant([c if isinstance(c, bytes) else b"" for c in contents]))
        valid = outputs["valid"].numpy()
        labels = outputs["top_labels"].numpy()
        probabilities = outputs["top_probabilities"].numpy()
        for row, (path, content) in enumerate(zip(group, contents, strict=True)):
            if valid[row]:
                names = [label.decode() for label in labels[row]]
                yield describe(path, names, probabilities[row])
            else:
                yield describe_failure(path, content if isinstance(content, str) else UNREADABLE)


def _batched(files: Iterable[Path], size: int) -> Iterator[list[Path]]:
    remaining = iter(files)
    while group := list(islice(remaining, size)):
        yield group
