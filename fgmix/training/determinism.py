"""Same seed, same machine, same bits."""


def make_deterministic() -> None:
    """Makes TensorFlow's operations deterministic in this process, where there is no GPU.

    On a CPU it costs nothing that can be measured (docs/determinism.md). On a GPU it slows training
    down and operations without a deterministic kernel fail, so it is left to those who ask
    TensorFlow for it. It can't be undone: command lines call this, the library doesn't.
    """
    import tensorflow as tf

    if not tf.config.list_physical_devices("GPU"):
        tf.config.experimental.enable_op_determinism()
