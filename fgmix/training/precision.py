"""Chooses the precision of training and sets Keras's dtype policy."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras

POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}


def choose_precision(precision: str) -> str:
    """Returns the precision to use, a name from `POLICIES`.

    `"auto"` is bfloat16 on GPUs of compute capability 8.0 (Ampere) or later, float16 on older GPUs,
    and float32 on a CPU, where the benefit of bfloat16 depends on the processor.
    """
    if precision != "auto":
        return precision
    if keras.backend.backend() == "jax":
        import jax

        if jax.default_backend() != "gpu":
            return "float32"
        capability = tuple(map(int, jax.local_devices()[0].compute_capability.split(".")))
        return "bfloat16" if capability >= (8, 0) else "float16"
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return "float32"
    capability = tf.config.experimental.get_device_details(gpus[0]).get("compute_capability")
    return "bfloat16" if capability and capability >= (8, 0) else "float16"


@contextmanager
def policy(precision: str) -> Iterator[None]:
    """Sets Keras's dtype policy for layers created inside, and restores it afterwards."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(POLICIES[precision])
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
