"""Distributes training over one device, several devices of a machine, or several processes.

`tf.distribute.MirroredStrategy` distributes on Keras's TensorFlow backend, and
`keras.distribution.DataParallel` on its JAX backend. Several processes, on one host or more, need
the JAX backend. The batches of a run are the same in every case.
"""

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import keras
import numpy as np

from fgmix.config.train_config import TrainConfig
from fgmix.config.validation import AUTO
from fgmix.data.shard import Shard
from fgmix.errors import FgmixError
from fgmix.training.ema import TrainedModel

if TYPE_CHECKING:
    import tensorflow as tf

T = TypeVar("T")


@dataclass(frozen=True)
class Distribution:
    """The devices and processes of a run.

    Attributes:
        devices: The number of devices that a batch is divided among, of all processes together.
        process: The index of this process, from 0.
        processes: The number of processes that train the run together.
        strategy: The TensorFlow strategy or Keras distribution; None on one device.
    """

    devices: int = 1
    process: int = 0
    processes: int = 1
    strategy: Any = None

    @property
    def leads(self) -> bool:
        """Whether this process is the leader, which writes the run's folder."""
        return self.process == 0

    @property
    def shard(self) -> Shard:
        """The part of every batch that this process reads."""
        return Shard(self.process, self.processes)

    @property
    def divided(self) -> bool:
        """Whether batches are divided among devices, so that each must be full."""
        return self.devices > 1

    def scope(self) -> AbstractContextManager:
        """Returns the context in which the model must be built and trained."""
        if self.strategy is None:
            return contextlib.nullcontext()
        return self.strategy.scope()

    def together(self, action: Callable[[], T]) -> T:
        """Runs an action in every process; an `FgmixError` in one of them is raised in all.

        Returns:
            The action's result in this process.

        Raises:
            FgmixError: If any of the processes raised it, with its message.
        """
        if self.processes == 1:
            return action()
        refusal = ""
        try:
            result = action()
        except FgmixError as error:
            refusal = str(error) or "refused"
        refusals = self.gather(refusal)
        for process, words in enumerate(refusals):
            if words:
                alike = len(set(refusals)) == 1
                raise FgmixError(words if alike or process == 0 else f"process {process}: {words}")
        return result

    def gather(self, value: Any) -> list[Any]:
        """Returns the values of all processes, in their order. All must call this together.

        Args:
            value: This process's value, of types that JSON supports.
        """
        if self.processes == 1:
            return [value]
        from jax.experimental.multihost_utils import process_allgather

        encoded = np.frombuffer(json.dumps(value).encode(), np.uint8)
        lengths = process_allgather(np.array([len(encoded)], np.int32))[:, 0]
        padded = np.zeros(lengths.max(), np.uint8)
        padded[: len(encoded)] = encoded
        rows = process_allgather(padded)
        return [
            json.loads(row[:length].tobytes()) for row, length in zip(rows, lengths, strict=True)
        ]

    def first_signal(self, number: int | None) -> int | None:
        """Returns, in all processes, a signal that any of them received; None for none."""
        if self.processes == 1:
            return number
        from jax.experimental.multihost_utils import process_allgather

        return int(process_allgather(np.int32(number or 0)).max()) or None

    def from_leader(self, arrays: list[np.ndarray]) -> list[np.ndarray]:
        """Returns the leader's arrays in every process; the others pass arrays of equal shapes."""
        if self.processes == 1:
            return arrays
        from jax.experimental.multihost_utils import broadcast_one_to_all

        return [np.asarray(array) for array in broadcast_one_to_all(arrays)]

    def predict(self, model: keras.Model, batches: "tf.data.Dataset", verbose: int = 0) -> Any:
        """Returns, in every process, the model's outputs for the examples of all processes.

        Args:
            model: A model with one input and one output, built in `scope`.
            batches: This process's shard of the batches: inputs and labels. If batches are
                divided among devices, each must be full.
            verbose: 1 for a progress bar.

        Returns:
            float32 `(n, ...)`, in the order of the whole batches.
        """
        if self.processes == 1:
            return np.asarray(model.predict(batches, verbose=verbose), np.float32)
        if isinstance(model, TrainedModel):
            with model.measuring() as measured:
                return self._predict_together(measured, batches)
        return self._predict_together(model, batches)

    def _predict_together(self, model: keras.Model, batches: "tf.data.Dataset") -> np.ndarray:
        import jax

        run, rows = _shared_prediction(model, self.strategy)
        weights = [
            [v.value for v in variables]
            for variables in (model.trainable_variables, model.non_trainable_variables)
        ]
        outputs = [
            run(*weights, jax.make_array_from_process_local_data(rows, inputs))
            for inputs, _ in batches.as_numpy_iterator()
        ]
        return np.concatenate([np.asarray(output, np.float32) for output in outputs])


@lru_cache(maxsize=2)
def _shared_prediction(model: keras.Model, distribution: Any) -> tuple[Callable[..., Any], Any]:
    """Returns a compiled function that runs a model on a shared batch, and the batch's sharding.

    It is cached, so that it is compiled once and not after every epoch. Keras's own `predict` gives
    each process outputs that it can't read.
    """
    import jax
    from jax.sharding import NamedSharding, PartitionSpec

    mesh = distribution.device_mesh.backend_mesh
    run = jax.jit(
        lambda trained, other, x: model.stateless_call(trained, other, x, training=False)[0],
        out_shardings=NamedSharding(mesh, PartitionSpec()),
    )
    return run, NamedSharding(mesh, PartitionSpec(distribution.batch_dim_name))


ONE_DEVICE = Distribution()


@contextmanager
def distribute(config: TrainConfig) -> Iterator[Distribution]:
    """Yields the distribution of a config, and joins its other processes within the context.

    Args:
        config: A resolved config.

    Raises:
        FgmixError: If there are too few devices, a batch can't be divided among them, or the other
            processes can't be reached.
    """
    backend = keras.backend.backend()
    if backend == "torch":
        raise FgmixError("training needs KERAS_BACKEND=tensorflow or KERAS_BACKEND=jax, not torch")
    if backend == "jax":
        keep_tensorflow_off_gpus()
    if config.coordinator is not None:
        from fgmix.training.distributed.hosts import joined

        with joined(config):
            yield _distribute_with_jax(config)
        return
    yield _distribute_with_jax(config) if backend == "jax" else _distribute_with_tensorflow(config)


def keep_tensorflow_off_gpus() -> None:
    """Hides the GPUs from TensorFlow, so that JAX has all of their memory."""
    import tensorflow as tf

    with contextlib.suppress(RuntimeError):  # TensorFlow has initialised them already
        tf.config.set_visible_devices([], "GPU")


def _distribute_with_tensorflow(config: TrainConfig) -> Distribution:
    import tensorflow as tf

    names = [device.name for device in tf.config.list_logical_devices("GPU")]
    if not names:
        # More than one only if logical CPU devices were configured.
        names = [device.name for device in tf.config.list_logical_devices("CPU")]
    count = choose_devices(config, len(names))
    if count == 1:
        return ONE_DEVICE
    return Distribution(count, strategy=tf.distribute.MirroredStrategy(names[:count]))


def _distribute_with_jax(config: TrainConfig) -> Distribution:
    import jax

    processes, process = jax.process_count(), jax.process_index()
    here = len(jax.local_devices())
    if processes == 1:
        count = choose_devices(config, here)
        if count == 1:
            return ONE_DEVICE
        devices = jax.local_devices()[:count]
    else:
        count = choose_devices(config, here, processes) * processes
        of_process: dict[int, list[Any]] = {}
        for device in jax.devices():
            of_process.setdefault(device.process_index, []).append(device)
        devices = [d for index in range(processes) for d in of_process[index][: count // processes]]
    distribution = keras.distribution.DataParallel(
        devices=[f"{d.platform}:{d.id}" for d in devices], auto_shard_dataset=False
    )
    return Distribution(count, process, processes, distribution)


def choose_devices(config: TrainConfig, available: int, processes: int = 1) -> int:
    """Returns the number of devices that each process uses.

    Args:
        config: A resolved config. `"auto"` uses as many devices as divide a batch evenly.
        available: The number of devices of this process.
        processes: The number of processes that share a batch.

    Raises:
        FgmixError: If there are too few devices, or a batch can't be divided among them.
    """
    batch = config.batch_size
    if batch % processes:
        raise FgmixError(
            f"--batch-size {batch} can't be divided among {processes} processes: give a multiple"
        )
    if config.devices == AUTO:
        fitting = [n for n in range(1, available + 1) if batch // processes % n == 0]
        # Gradient accumulation is for a single device with too little memory.
        return 1 if config.accumulate > 1 else fitting[-1]
    count = int(config.devices)
    if count > available:
        have = f"{available} device{'s' * (available != 1)}"
        raise FgmixError(
            f"--devices {count}: {'this machine has' if processes == 1 else 'a process has'} {have}"
            f"{_hint(available)}"
        )
    if batch // processes % count:
        raise FgmixError(
            f"--batch-size {batch} can't be divided among {processes * count} devices: give a "
            f"multiple of {processes * count}, or fewer --devices"
        )
    return count


def _hint(available: int) -> str:
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    if available == 1 and hidden is not None:
        return f" (CUDA_VISIBLE_DEVICES is {hidden!r})"
    return ""
