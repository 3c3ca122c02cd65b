"""Makes training reproducible: the same seed on the same machine gives bit-identical weights."""


def make_deterministic() -> None:
    """Makes TensorFlow's operations deterministic in this process, if there is no GPU.

    docs/explanation/determinism.md says what this promises. On a GPU it would slow training down,
    and operations without a deterministic kernel would fail, so there it is not enabled. It can't
    be undone, so only the command lines call this function, not the library.
    """
    import tensorflow as tf

    if not tf.config.list_physical_devices("GPU"):
        tf.config.experimental.enable_op_determinism()
