"""Whether training waits for its photos: measured on pipelines that are slow, and that are not."""

import logging
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

from fgmix.config.train_config import TrainConfig
from fgmix.training.input_stall import LEAST, Waiting, tell_of_waiting

STEPS = 12
PAUSE = 0.15


def sleep(seconds):
    def wait(x, y):
        time.sleep(seconds)
        return x, y

    return lambda x, y: [
        tf.ensure_shape(v, s)
        for v, s in zip(
            tf.numpy_function(wait, [x, y], [tf.float32, tf.float32]),
            [(4, 3), (4, 2)],
            strict=True,
        )
    ]


class SlowStep(keras.callbacks.Callback):
    """Makes the steps longer. Comes before `Waiting`, whose clock it does not stop."""

    def on_train_batch_end(self, batch, logs=None):
        time.sleep(PAUSE)


def waited(reading, *others, epochs=1):
    """Trains on batches that each take some seconds to read."""
    batches = tf.data.Dataset.from_tensors(
        (np.zeros((4, 3), "float32"), np.zeros((4, 2), "float32"))
    )
    batches = batches.repeat().map(sleep(reading)).prefetch(4)
    model = keras.Sequential([keras.layers.Dense(2)])
    model.compile("sgd", "mse")
    waiting = Waiting()
    model.fit(
        waiting.watch(batches),
        epochs=epochs,
        steps_per_epoch=STEPS,
        callbacks=[*others, waiting],
        verbose=0,
    )
    return waiting


def test_steps_that_are_short_wait_for_photos_that_are_slow():
    waiting = waited(PAUSE)
    assert waiting.share > 0.5
    assert waiting.seconds > PAUSE * (STEPS - 5)  # the first, and those read while it was built


def test_steps_that_are_long_wait_for_nothing():
    waiting = waited(PAUSE / 15, SlowStep())
    assert waiting.share < 0.5
    assert waiting.seconds > PAUSE * (STEPS - 1) * 0.9


def test_every_step_is_counted_once_but_the_first():
    waiting = waited(0.0, epochs=3)
    assert not waiting._ready or len(waiting._ready) <= 4  # read ahead, not trained on
    assert 0 <= waiting.waited <= waiting.seconds


def test_batches_stay_what_they_are():
    batches = tf.data.Dataset.range(5).map(lambda i: (i, 2 * i))
    watched = list(Waiting().watch(batches).as_numpy_iterator())
    assert watched == list(batches.as_numpy_iterator())
    assert Waiting().watch(batches).element_spec == batches.element_spec


def test_what_is_not_watched_is_not_counted():
    model = keras.Sequential([keras.layers.Dense(2)])
    model.compile("sgd", "mse")
    waiting = Waiting()
    model.fit(np.zeros((4, 3)), np.zeros((4, 2)), callbacks=[waiting], verbose=0)
    assert waiting.share == 0


@pytest.mark.parametrize(
    ("settings", "flags"),
    [
        ({}, ["--cache memory"]),
        ({"prepare": "never"}, ["--cache memory", "--prepare auto"]),
        ({"cache": "memory", "prepare": "never"}, ["--prepare auto"]),
        ({"cache": "memory"}, ["more processor cores"]),
    ],
)
def test_a_line_says_what_to_change(caplog, settings, flags):
    waiting = Waiting()
    waiting.seconds, waiting.waited = 100.0, 37.0
    with caplog.at_level(logging.INFO, "fgmix"):
        tell_of_waiting(waiting, TrainConfig(dataset="cars", **settings).resolve())
    assert len(caplog.messages) == 1
    assert "37 %" in caplog.text
    named = [flag for flag in ("--cache memory", "--prepare auto") if flag in caplog.text]
    assert named == [flag for flag in flags if flag.startswith("--")]
    assert len(caplog.messages[0].splitlines()) == 1


@pytest.mark.parametrize(("seconds", "share"), [(100.0, 0.1), (LEAST / 2, 0.9), (0.0, 0.0)])
def test_little_waiting_and_short_runs_are_not_worth_a_word(caplog, seconds, share):
    waiting = Waiting()
    waiting.seconds, waiting.waited = seconds, share * seconds
    with caplog.at_level(logging.INFO, "fgmix"):
        tell_of_waiting(waiting, TrainConfig(dataset="cars").resolve())
    assert caplog.messages == []


def test_nothing_is_said_of_photos_where_features_are_read(caplog):
    waiting = Waiting()
    waiting.seconds = waiting.waited = 100.0
    with caplog.at_level(logging.INFO, "fgmix"):
        tell_of_waiting(waiting, TrainConfig(dataset="cars", recipe="frozen").resolve())
    assert caplog.messages == []
