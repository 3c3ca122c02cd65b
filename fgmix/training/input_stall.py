"""How long training waits for its photos, and what to do about it.

A step fetches its batch within TensorFlow's graph, where Python can't look. So each batch leaves
the time at which it was ready, and a step that was begun before has waited for it.
"""

import logging
import time
from collections import deque

import keras
import tensorflow as tf

from fgmix.config.train_config import TrainConfig

log = logging.getLogger(__name__)

WORTH = 0.2
"""The share of the time that is worth a word."""
LEAST = 5.0
"""Seconds of training before anything is said."""


class InputStall(keras.callbacks.Callback):
    """Measures the time that steps wait for their batches.

    Attributes:
        seconds: Spent on steps. The first step of each `fit`, in which the graph is built, is
            left out.
        stalled: Of these, spent waiting for a batch.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0
        self.stalled = 0.0
        self._ready: deque[float] = deque()

    @property
    def share(self) -> float:
        """Of the time, what was spent waiting; 0 before the second step."""
        return self.stalled / self.seconds if self.seconds else 0.0

    def watch(self, batches: tf.data.Dataset) -> tf.data.Dataset:
        """The same batches, whose times are noted. For one `fit` at a time."""
        ready = self._ready = deque()

        def note() -> None:
            ready.append(time.perf_counter())

        @tf.autograph.experimental.do_not_convert
        def mark(*batch: tf.Tensor) -> tuple[tf.Tensor, ...]:
            tf.numpy_function(note, [], [])
            return batch

        # Not parallel: a batch is marked when it is asked for and there, in order.
        return batches.map(mark)

    def on_train_begin(self, logs: dict | None = None) -> None:
        """The next step is the first."""
        self._first = True

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Notes when the step begins."""
        self._began = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Adds the step up."""
        if not self._ready:
            return  # not watched
        ready, now = self._ready.popleft(), time.perf_counter()
        if not self._first:
            self.seconds += now - self._began
            # A batch that was ready before the step has not been waited for.
            self.stalled += max(0.0, min(ready, now) - self._began)
        self._first = False


def report_input_stall(stall: InputStall, config: TrainConfig) -> None:
    """Says a line if reading photos was what training waited for.

    Args:
        stall: What was measured.
        config: The run's resolved config.
    """
    if config.views or stall.share < WORTH or stall.seconds < LEAST:
        return  # with views it is features that are read
    advice = [
        "--cache memory holds them decoded" * (config.cache == "none"),
        "--prepare auto makes smaller copies of large ones" * (config.prepare == "never"),
        "more processor cores read more at once",
    ]
    log.info(
        "the photos were read slower than the model trains (it waited %.0f %% of the time): %s",
        100 * stall.share,
        "; ".join(text for text in advice if text),
    )
