"""Input stalls, measured on slow and on fast pipelines."""

import logging
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

from fgmix.config.train_config import TrainConfig
from fgmix.training.input_stall import LEAST, InputStall, report_input_stall

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
    """Makes the steps longer. Must come before `InputStall`."""

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
    stall = InputStall()
    model.fit(
        stall.watch(batches),
        epochs=epochs,
        steps_per_epoch=STEPS,
        callbacks=[*others, stall],
        verbose=0,
    )
    return stall


@pytest.mark.slow
def test_steps_that_are_short_wait_for_images_that_are_slow():
    stall = waited(PAUSE)
    assert stall.share > 0.5
    assert stall.seconds > PAUSE * (STEPS - 5)  # the first step, and batches read during it


@pytest.mark.slow
def test_steps_that_are_long_wait_for_nothing():
    stall = waited(PAUSE / 15, SlowStep())
    assert stall.share < 0.5
    assert stall.seconds > PAUSE * (STEPS - 1) * 0.9


def test_every_step_is_counted_once_but_the_first():
    stall = waited(0.0, epochs=3)
    assert not stall.ready or len(stall.ready) <= 4  # read ahead, not trained on
    assert 0 <= stall.stalled <= stall.seconds


def test_batches_stay_what_they_are():
    batches = tf.data.Dataset.range(5).map(lambda i: (i, 2 * i))
    watched = list(InputStall().watch(batches).as_numpy_iterator())
    assert watched == list(batches.as_numpy_iterator())
    assert InputStall().watch(batches).element_spec == batches.element_spec


def test_what_is_not_watched_is_not_counted():
    model = keras.Sequential([keras.layers.Dense(2)])
    model.compile("sgd", "mse")
    stall = InputStall()
    model.fit(np.zeros((4, 3)), np.zeros((4, 2)), callbacks=[stall], verbose=0)
    assert stall.share == 0


@pytest.mark.parametrize(
    ("settings", "flags"),
    [
        ({}, ["--cache memory"]),
        ({"prepare": "never"}, ["--cache memory", "--prepare auto"]),
        ({"cache": "memory", "prepare": "never"}, ["--prepare auto"]),
        ({"cache": "memory"}, ["more CPU cores"]),
    ],
)
def test_a_line_says_what_to_change(caplog, settings, flags):
    stall = InputStall()
    stall.seconds, stall.stalled = 100.0, 37.0
    with caplog.at_level(logging.INFO, "fgmix"):
        report_input_stall(stall, TrainConfig(dataset="cars", **settings).resolve())
    assert len(caplog.messages) == 1
    assert "37 %" in caplog.text
    named = [flag for flag in ("--cache memory", "--prepare auto") if flag in caplog.text]
    assert named == [flag for flag in flags if flag.startswith("--")]
    assert len(caplog.messages[0].splitlines()) == 1


@pytest.mark.parametrize(("seconds", "share"), [(100.0, 0.1), (LEAST / 2, 0.9), (0.0, 0.0)])
def test_little_waiting_and_short_runs_are_not_worth_a_word(caplog, seconds, share):
    stall = InputStall()
    stall.seconds, stall.stalled = seconds, share * seconds
    with caplog.at_level(logging.INFO, "fgmix"):
        report_input_stall(stall, TrainConfig(dataset="cars").resolve())
    assert caplog.messages == []


def test_nothing_is_said_of_images_where_features_are_read(caplog):
    stall = InputStall()
    stall.seconds = stall.stalled = 100.0
    with caplog.at_level(logging.INFO, "fgmix"):
        report_input_stall(stall, TrainConfig(dataset="cars", recipe="frozen").resolve())
    assert caplog.messages == []
