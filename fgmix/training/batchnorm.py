"""Batch normalisation over a whole batch, where it is divided among several devices."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras

from fgmix.training.placement import Placement


@contextmanager
def batch_statistics_of_all(model: keras.Model, placement: Placement) -> Iterator[None]:
    """Makes BatchNorm take the mean and variance of all devices' examples meanwhile.

    With TensorFlow each device would take those of its own part, which is another function of the
    batch. JAX has a single program over the whole batch, and needs nothing.

    Args:
        model: What is trained. Afterwards its layers are as they were, also when saved.
        placement: Among what its batches are divided.
    """
    layers = [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]
    if not placement.divided or keras.backend.backend() != "tensorflow":
        layers = []
    before = [layer.synchronized for layer in layers]
    for layer in layers:
        layer.synchronized = True
    try:
        yield
    finally:
        for layer, synchronized in zip(layers, before, strict=True):
            layer.synchronized = synchronized
