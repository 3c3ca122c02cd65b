"""Trainings in processes of their own, which may be killed and import TensorFlow only once."""

import multiprocessing
import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from fgmix.config.train_config import TrainConfig
from fgmix.failpoints import FAIL_AT
from fgmix.runs.run import Run

CONTEXT = multiprocessing.get_context("forkserver")
# Forked before TensorFlow starts a thread or creates a tensor.
CONTEXT.set_forkserver_preload(["fgmix.workflows.train_and_evaluate"])


def train_apart(config: TrainConfig, kill_at: str | None = None) -> int:
    """Trains in a new process, deterministically, with dropout; returns its exit code.

    Args:
        config: What to train.
        kill_at: The failpoint at which the process ends, if not at the end of the run.
    """
    # A forked process has the environment variables of the moment of the fork.
    arguments = (config, kill_at, dict(os.environ))
    process = CONTEXT.Process(target=_work, args=arguments)
    process.start()
    process.join()
    return process.exitcode


def weights(run: Path) -> list[np.ndarray]:
    """Returns the weights of a finished run. (Keras's files contain no seed state.)"""
    return [np.asarray(v) for v in Run(run).load_model().weights]


def small_with_dropout(image_size: int, weights: str | None = None):
    """Returns the backbone of these trainings, from side `S` to `S / 8`."""
    import keras

    inputs = x = keras.Input((image_size, image_size, 3))
    for number, width in enumerate((8, 16, 32), start=1):
        x = keras.layers.Conv2D(width, 3, 2, "same", use_bias=False, name=f"conv{number}")(x)
        x = keras.layers.BatchNormalization(momentum=0.9, name=f"bn{number}")(x)
        x = keras.layers.ReLU(name=f"relu{number}")(x)
    output = keras.layers.Dropout(0.3, name="dropout")(x)
    return keras.Model(inputs, output, name="tiny")


def _work(config: TrainConfig, kill_at: str | None, variables: dict[str, str]) -> None:
    os.environ.update(variables)
    import tensorflow as tf

    from fgmix.models.backbones.registry import BACKBONES
    from fgmix.training.determinism import make_deterministic
    from fgmix.workflows.train_and_evaluate import train

    tiny = BACKBONES["tiny"]
    BACKBONES["tiny"] = replace(tiny, build=small_with_dropout)
    if kill_at:
        os.environ[FAIL_AT] = kill_at
    make_deterministic()
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})  # it takes time
    train(config)
