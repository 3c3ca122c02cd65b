"""Predictions for image files."""

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from fgmix.data.folder import SUFFIXES, is_image_file
from fgmix.errors import FgmixError
from fgmix.serving.signatures import Classifier, serving_default
from fgmix.training.run_folder import Run

BATCH = 32


def find_images(paths: Iterable[str]) -> list[Path]:
    """Files as they are given, and the images anywhere inside folders, in order.

    Raises:
        FgmixError: If a path does not exist or a folder holds no image.
    """
    return list(chain.from_iterable(_images_at(Path(path)) for path in paths))


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
        contents = [_read(path) for path in group]
        outputs = answer(tf.constant([c if isinstance(c, bytes) else b"" for c in contents]))
        valid = outputs["valid"].numpy()
        labels = outputs["top_labels"].numpy()
        probabilities = outputs["top_probabilities"].numpy()
        for row, (path, content) in enumerate(zip(group, contents, strict=True)):
            if not valid[row]:
                reason = content if isinstance(content, str) else "not a readable image"
                yield {"path": str(path), "error": reason}
                continue
            top = [
                [label.decode(), round(float(probability), 6)]
                for label, probability in zip(labels[row], probabilities[row], strict=True)
            ]
            label, probability = top[0]
            yield {"path": str(path), "label": label, "probability": probability, "top": top}


def _images_at(path: Path) -> list[Path]:
    if not path.exists():
        raise FgmixError(f"no such file or folder: {path}")
    if not path.is_dir():
        return [path]
    images = sorted(inner for inner in path.rglob("*") if is_image_file(inner))
    if not images:
        raise FgmixError(f"{path} holds no image ({', '.join(sorted(SUFFIXES))})")
    return images


def _read(path: Path) -> bytes | str:
    try:
        return path.read_bytes()
    except OSError as error:
        return str(error.strerror)


def _batched(files: Iterable[Path], size: int) -> Iterator[list[Path]]:
    remaining = iter(files)
    while group := list(islice(remaining, size)):
        yield group
