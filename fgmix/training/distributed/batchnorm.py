"""BatchNorm over a whole batch, also where it is divided among several devices."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras

from fgmix.models.fused_batchnorm import fused_batch_norm
from fgmix.training.distributed.distribution import ONE_DEVICE, Distribution


@contextmanager
def batch_statistics(model: keras.Model, distribution: Distribution = ONE_DEVICE) -> Iterator[None]:
    """Makes BatchNorm take the mean and variance of all devices' examples meanwhile, and fast.

    With TensorFlow each device would take those of its own part of a batch, which is another
    function of the batch: there Keras's synchronised ones are taken. On one device the fused
    kernel is (`fused_batch_norm`). JAX has one program over the whole batch, and needs nothing.

    Args:
        model: What is trained. Afterwards its layers are as they were, also when saved.
        distribution: Among what its batches are divided.
    """
    if not distribution.divided or keras.backend.backend() != "tensorflow":
        with fused_batch_norm(model):
            yield
        return
    layers = [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]
    before = [layer.synchronized for layer in layers]
    for layer in layers:
        layer.synchronized = True
    try:
        yield
    finally:
        for layer, synchronized in zip(layers, before, strict=True):
            layer.synchronized = synchronized
