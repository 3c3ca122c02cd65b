"""Measures input stalls, the time that training waits for data, and reports them.

A step fetches its batch within TensorFlow's graph, which Python can't observe. So the pipeline
records when each batch is ready, and a step that began before has waited for it.
"""

import logging
import time
from collections import deque

import keras
import tensorflow as tf

from fgmix.config.train_config import TrainConfig

log = logging.getLogger(__name__)

WORTH = 0.2
"""Report input stalls above this share of training time."""
LEAST = 5.0
"""Report nothing for runs with fewer seconds of training."""


class InputStall(keras.callbacks.Callback):
    """Measures the time that steps wait for their batches.

    Attributes:
        seconds: Time spent on steps, without the first step of each `fit`, which builds the graph.
        stalled: The part of it that was spent waiting for a batch.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0
        self.stalled = 0.0
        self.ready: deque[float] = deque()

    @property
    def share(self) -> float:
        """The share of the time that was spent waiting; 0 before the second step."""
        return self.stalled / self.seconds if self.seconds else 0.0

    def watch(self, batches: tf.data.Dataset) -> tf.data.Dataset:
        """Returns the same batches and records when each is ready. For one `fit` at a time."""
        ready = self.ready = deque()

        def note() -> None:
            ready.append(time.perf_counter())

        @tf.autograph.experimental.do_not_convert
        def mark(*batch: tf.Tensor) -> tuple[tf.Tensor, ...]:
            tf.numpy_function(note, [], [])
            return batch

        # Not parallel: batches are marked in order, when they are requested and ready.
        return batches.map(mark)

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Marks the next step as the first."""
        self._first = True

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Records when the step begins."""
        self._began = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Adds the time of the step."""
        if not self.ready:
            return  # not watched
        ready, now = self.ready.popleft(), time.perf_counter()
        if not self._first:
            self.seconds += now - self._began
            # The step did not wait for a batch that was ready before.
            self.stalled += max(0.0, min(ready, now) - self._began)
        self._first = False


def report_input_stall(stall: InputStall, config: TrainConfig) -> None:
    """Logs a line with advice if training waited for images for a large share of its time.

    Args:
        stall: The measured times.
        config: The run's resolved config.
    """
    if config.views or stall.share < WORTH or stall.seconds < LEAST:
        return  # with views, features are read instead of images
    advice = [
        "--cache memory keeps them decoded in memory" * (config.cache == "none"),
        "--prepare auto creates smaller copies of large ones" * (config.prepare == "never"),
        "more CPU cores read more at once",
    ]
    log.info(
        "training was input-bound: it waited for photos %.0f %% of the time: %s",
        100 * stall.share,
        "; ".join(text for text in advice if text),
    )
