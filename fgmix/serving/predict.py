"""Predictions for image files, with a bounded number of images in memory."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from fgmix.data.codec.diagnose import diagnose_content
from fgmix.runs.ensemble import Ensemble
from fgmix.runs.run import Run
from fgmix.serving.answers import UNREADABLE, describe, describe_failure, read_image
from fgmix.serving.signatures import Classifier, Outputs, serving_default

BATCH = 16
BATCHES_AT_A_TIME = 2
"""One is read and decoded while another is in the network."""
BATCH_BYTES = 64 << 20
"""Bytes of images after which a batch is closed."""
LARGEST_FILE = 512 << 20
"""The largest file that is read, in bytes: any image that can be decoded is smaller."""

Answer = dict[str, Any]


class Row(NamedTuple):
    """What a model gives for a file.

    Attributes:
        path: The file.
        outputs: Its row of each output; None if it can't be read as an image.
        error: Why it can't be read; `""` if it can.
    """

    path: Path
    outputs: dict[str, np.ndarray] | None
    error: str = ""


class _Group(NamedTuple):
    """Images that are predicted together.

    Attributes:
        place: The row of the first image in its batch.
        paths: The images.
        pause: Whether the next image may be long in coming.
    """

    place: int
    paths: list[Path]
    pause: bool


def predict_files(
    run: Run | Ensemble, files: Iterable[Path | None], *, first: int = 0, fill: bool = False
) -> Iterator[Answer]:
    """Predicts the class of each file, with the code of the exported signature.

    The model is loaded immediately; images are read as predictions are consumed.

    Args:
        run: A finished run, or several that answer together.
        files: Image files; None flushes the predictions of all files before it.
        first: The number of files that the same job has already predicted.
        fill: Whether to pad every batch to its full size, with each image in the row that its
            number gives. Rounding depends on the batch size and the row, so only this gives the
            same digits wherever a job was interrupted.

    Returns:
        For each file, in order: `path`, `label`, `probability` and `top` (pairs of label and
        probability, likeliest first), and `distance` if the runs have class means; or `path` and
        `error` if it can't be read as an image.

    Raises:
        FgmixError: If the model can't be loaded.
    """
    rows = run_files(run, serving_default, files, first=first, fill=fill)
    return (_answer(row) for row in rows)


def run_files(
    run: Run | Ensemble,
    signature: Callable[[Classifier], Callable[[tf.Tensor], Outputs]],
    files: Iterable[Path | None],
    *,
    first: int = 0,
    fill: bool = False,
) -> Iterator[Row]:
    """Yields the outputs of a signature for each file, in order.

    Args:
        run: See `predict_files`.
        signature: A function of `fgmix.serving.signatures` that takes `image_bytes`.
        files: See `predict_files`.
        first: See `predict_files`.
        fill: See `predict_files`.

    Raises:
        FgmixError: If the model can't be loaded, at once.
    """
    return _run(_inference(run, signature, fill), files, first)


def _answer(row: Row) -> Answer:
    if row.outputs is None:
        return describe_failure(row.path, row.error)
    names = [label.decode() for label in row.outputs["top_labels"]]
    distance = float(row.outputs["distance"]) if "distance" in row.outputs else None
    return describe(row.path, names, row.outputs["top_probabilities"].tolist(), distance=distance)


def _run(
    answer: Callable[[_Group], list[Row]], files: Iterable[Path | None], first: int
) -> Iterator[Row]:
    waiting: deque[Future[list[Row]]] = deque()
    pool = ThreadPoolExecutor(BATCHES_AT_A_TIME)
    try:
        for group in _groups(files, first):
            if group.paths:
                waiting.append(pool.submit(answer, group))
            while waiting and (group.pause or len(waiting) > BATCHES_AT_A_TIME):
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    finally:
        # A caller that stops early does not wait for the images in progress.
        pool.shutdown(wait=False, cancel_futures=True)


def _inference(
    run: Run | Ensemble,
    signature: Callable[[Classifier], Callable[[tf.Tensor], Outputs]],
    fill: bool,
) -> Callable[[_Group], list[Row]]:
    model: keras.Model = run.load_model()
    serve = tf.function(
        signature(Classifier(model, run.class_names, run.crop_bottom, class_means=run.class_means)),
        input_signature=[tf.TensorSpec([None], tf.string)],
        autograph=False,
    )

    def answer(group: _Group) -> list[Row]:
        contents = [read_image(path, LARGEST_FILE) for path in group.paths]
        before = group.place if fill else 0
        after = BATCH - group.place - len(contents) if fill else 0
        rows = [b"" if isinstance(content, str) else content for content in contents]
        served = serve(tf.constant([b""] * before + rows + [b""] * after))
        outputs = {name: values.numpy()[before:] for name, values in served.items()}
        return [
            Row(path, {name: values[row] for name, values in outputs.items()})
            if outputs["valid"][row]
            else Row(path, None, _reason(content))
            for row, (path, content) in enumerate(zip(group.paths, contents, strict=True))
        ]

    return answer


def _reason(content: bytes | str) -> str:
    """Returns why there is no prediction, given the result of `read_image`."""
    if isinstance(content, str):
        return content
    return f"{UNREADABLE} ({diagnose_content(content)})"


def _groups(files: Iterable[Path | None], first: int) -> Iterator[_Group]:
    """Groups files; no group crosses a multiple of `BATCH`."""
    number, group, size = first, [], 0
    for path in files:
        if path is not None:
            group.append(path)
            size += _size(path)
        place = number % BATCH
        if path is None or place + len(group) == BATCH or size > BATCH_BYTES:
            yield _Group(place, group, pause=path is None)
            number, group, size = number + len(group), [], 0
    if group:
        yield _Group(number % BATCH, group, pause=True)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except (OSError, ValueError):
        return 0
