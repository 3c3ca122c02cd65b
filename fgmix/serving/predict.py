"""Predictions for image files, with a bounded number of images in memory."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from fgmix.data.codec.diagnose import diagnose_content
from fgmix.runs.ensemble import Ensemble
from fgmix.runs.run import Run
from fgmix.serving.answers import UNREADABLE, describe, describe_failure, read_image
from fgmix.serving.signatures import Classifier, serving_default

BATCH = 16
BATCHES_AT_A_TIME = 2
"""One is read and decoded while another is in the network."""
BATCH_BYTES = 64 << 20
"""Bytes of images after which a batch is closed."""
LARGEST_FILE = 512 << 20
"""The largest file that is read, in bytes: any image that can be decoded is smaller."""

Answer = dict[str, Any]


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
        probability, likeliest first), or `path` and `error` if it can't be read as an image.

    Raises:
        FgmixError: If the model can't be loaded.
    """
    return _predict(_inference(run, fill), files, first)


def _predict(
    answer: Callable[[_Group], list[Answer]], files: Iterable[Path | None], first: int
) -> Iterator[Answer]:
    waiting: deque[Future[list[Answer]]] = deque()
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


def _inference(run: Run | Ensemble, fill: bool) -> Callable[[_Group], list[Answer]]:
    model: keras.Model = run.load_model()
    serve = tf.function(
        serving_default(Classifier(model, run.class_names, run.crop_bottom)),
        input_signature=[tf.TensorSpec([None], tf.string)],
        autograph=False,
    )

    def answer(group: _Group) -> list[Answer]:
        contents = [read_image(path, LARGEST_FILE) for path in group.paths]
        before = group.place if fill else 0
        after = BATCH - group.place - len(contents) if fill else 0
        rows = [b"" if isinstance(content, str) else content for content in contents]
        outputs = serve(tf.constant([b""] * before + rows + [b""] * after))
        valid, labels, probabilities = (
            outputs[name].numpy()[before:] for name in ("valid", "top_labels", "top_probabilities")
        )
        answers = []
        for row, (path, content) in enumerate(zip(group.paths, contents, strict=True)):
            if valid[row]:
                names = [label.decode() for label in labels[row]]
                answers.append(describe(path, names, probabilities[row]))
            else:
                answers.append(describe_failure(path, _reason(content)))
        return answers

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
