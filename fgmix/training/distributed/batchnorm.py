"""BatchNorm with the statistics of the whole batch, even if several devices share it."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras

from fgmix.models.fused_batchnorm import fused_batch_norm
from fgmix.training.distributed.distribution import ONE_DEVICE, Distribution


@contextmanager
def batch_statistics(model: keras.Model, distribution: Distribution = ONE_DEVICE) -> Iterator[None]:
    """Makes BatchNorm use the mean and variance of the whole batch, within the context.

    With TensorFlow, each device would use those of its own part of the batch, so the layers are
    synchronised (`synchronized=True`). On one device the fused kernel is used
    (`fused_batch_norm`). With JAX, one program processes the whole batch anyway.

    Args:
        model: The model to train. Its layers are restored afterwards.
        distribution: The devices that its batches are divided among.
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
