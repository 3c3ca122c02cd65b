"""Precision by name, and what `auto` means on this machine."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras

POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}


def choose_precision(precision: str) -> str:
    """Turns `"auto"` into a name from `POLICIES`.

    bfloat16 on GPUs of compute capability 8.0 and later (Ampere), float16 on older ones, float32
    on a CPU: whether bfloat16 pays there depends on the processor.
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
    """Sets Keras's dtype policy for the layers made inside, and puts the old one back."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(POLICIES[precision])
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
