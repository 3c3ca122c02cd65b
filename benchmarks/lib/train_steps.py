"""Training steps of the same classifier in fgmix and in PyTorch, for `workers.Worker`.

Both take the same batch of noise: networks of the same layers with the same head, cross-entropy,
SGD with momentum 0.9, weight decay in the gradient, and a rate each for backbone and head on a
cosine. fgmix is what `train.py` fits, on any Keras backend; PyTorch is channels-last, with a fused
optimizer, and compiled on a GPU.
"""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import cycle, repeat
from typing import Any

import numpy as np

from benchmarks.lib.machine import cores, peak_mebibytes

CLASSES, SCHEDULE = 196, 10_000
IN_HOST = 4
"""The number of alternating batches from the host's memory."""

Measure = Callable[[], dict[str, float]]


@dataclass(frozen=True)
class StepSettings:
    """The settings of both libraries.

    Attributes:
        backbone: A name that both have.
        attention: `"none"` or `"mixed"`.
        pooling: `"flatten"` or `"avg"`.
        image_size: Side of the images, in pixels.
        batch: Images per step.
        precision: `"float32"` or `"bfloat16"`.
        steps: Steps that are timed together.
        host: Whether to also time steps on batches from the host's memory.
        compiled: Whether to compile PyTorch's network. Keras compiles as it always does.
        threads: PyTorch's threads; by default one per core.
        bn: fgmix's `TrainConfig.bn`.
        frozen_stride: fgmix's `TrainConfig.frozen_stride`.
    """

    backbone: str
    attention: str = "none"
    pooling: str = "flatten"
    image_size: int = 224
    batch: int = 16
    precision: str = "float32"
    steps: int = 3
    host: bool = False
    compiled: bool = False
    threads: int | None = None
    bn: str = "train"
    frozen_stride: int = 0


def now() -> np.ndarray:
    """Elapsed seconds, and seconds of this process's processor time."""
    return np.array([time.perf_counter(), time.process_time()])


def step_times(
    feeds: Mapping[str, Any], host: bool, times: Callable[[Any], Any]
) -> dict[str, float]:
    """Times steps on batches from the device, and optionally from the host's memory."""
    seconds, processor = times(feeds["device"])
    found = {"seconds": float(seconds), "processor_seconds": float(processor)}
    return found | ({"seconds_from_host": float(times(feeds["host"])[0])} if host else {})


def noise(batch: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns batches of images, uint8 `(IN_HOST, batch, size, size, 3)`, and their labels."""
    rng = np.random.default_rng(0)
    photos = rng.integers(0, 256, (IN_HOST, batch, size, size, 3), np.uint8)
    return photos, rng.integers(0, CLASSES, (IN_HOST, batch))


def fgmix_step(**settings: Any) -> tuple[dict[str, Any], Measure]:
    """Sets up training with recipe `paper` on the backend given by KERAS_BACKEND.

    Args:
        settings: The fields of `StepSettings`.
    """
    at = StepSettings(**settings)
    if os.environ.get("KERAS_BACKEND", "tensorflow") == "tensorflow":
        from fgmix.backend import import_tensorflow

        import_tensorflow()
    import keras

    from fgmix.config.train_config import TrainConfig
    from fgmix.models import build_classifier
    from fgmix.models.cost import cost
    from fgmix.models.freezing import freeze_backbone
    from fgmix.training.distributed.batchnorm import batch_statistics
    from fgmix.training.optimizer import build_optimizer
    from fgmix.training.precision import policy

    config = TrainConfig(
        dataset="aircraft",
        backbone=at.backbone,
        attention=at.attention,
        weights="none",
        pooling=at.pooling,
    ).resolve()
    with policy(at.precision):
        model = build_classifier(
            CLASSES,
            at.backbone,
            at.attention,
            weights="none",
            image_size=at.image_size,
            pooling=at.pooling,
        )
    freeze_backbone(model, at.bn, at.frozen_stride)
    compiled = keras.Model(model.inputs, model.outputs)
    compiled.compile(
        build_optimizer(model, config, SCHEDULE), "categorical_crossentropy", metrics=["accuracy"]
    )
    photos, labels = noise(at.batch, at.image_size)
    answers = np.eye(CLASSES, dtype=np.float32)[labels]
    feeds = FEEDS[keras.backend.backend()](photos, answers)

    class Clock(keras.callbacks.Callback):
        """Starts the clock after the first step, so that the start of `fit` is not timed."""

        def on_train_batch_end(self, number: int, logs: dict | None = None) -> None:
            if number == 0 or number == at.steps:
                float(logs["loss"])  # waits until the step is done
                self.began, self.taken = now(), now() - self.began

        began = np.zeros(2)

    def times(inputs: Callable[[], Any]) -> np.ndarray:
        clock = Clock()
        with batch_statistics(compiled):
            compiled.fit(
                inputs(), steps_per_epoch=at.steps + 1, shuffle=False, verbose=0, callbacks=[clock]
            )
        return clock.taken / at.steps

    def measure() -> dict[str, float]:
        return {**step_times(feeds, at.host, times), **keras_memory()}

    parameters = sum(int(np.prod(v.shape)) for v in compiled.trainable_variables)
    return {"parameters": parameters, "multiply_adds": cost(model).multiply_adds}, measure


def tensorflow_feeds(photos: np.ndarray, labels: np.ndarray) -> dict[str, Callable[[], Any]]:
    """Yields endless batches, as `tf.data` passes them to `fit`."""
    import tensorflow as tf

    batches = tf.data.Dataset.from_tensor_slices((photos, labels)).cache()
    one = batches.take(1).cache().repeat().prefetch(2)
    return {"device": lambda: one, "host": lambda: batches.repeat().prefetch(2)}


def jax_feeds(photos: np.ndarray, labels: np.ndarray) -> dict[str, Callable[[], Any]]:
    """Yields endless batches: arrays on the device, or NumPy arrays in host memory."""
    import jax

    batches = list(zip(photos, labels, strict=True))
    here = jax.device_put(batches[0])
    # Keras takes a generator, not any iterator.
    return {
        "device": lambda: (pair for pair in repeat(here)),
        "host": lambda: (pair for pair in cycle(batches)),
    }


FEEDS = {"tensorflow": tensorflow_feeds, "jax": jax_feeds}


def keras_memory() -> dict[str, float]:
    """Returns the peak memory: of a GPU if JAX uses one, else of the process."""
    import keras

    if keras.backend.backend() == "jax":
        import jax

        stats = jax.devices()[0].memory_stats()
        if stats:
            return {"peak_mebibytes": stats["peak_bytes_in_use"] / 2**20}
    return {"peak_mebibytes": peak_mebibytes()}


def torch_step(**settings: Any) -> tuple[dict[str, Any], Measure]:
    """Sets up training with PyTorch, on a GPU if there is one.

    Args:
        settings: The fields of `StepSettings`.
    """
    at = StepSettings(**settings)
    import torch

    from benchmarks.peers.torch_classifier import build_classifier

    torch.manual_seed(0)
    torch.set_num_threads(at.threads or cores())
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.backends.cudnn.benchmark = True
    network = build_classifier(at.backbone, at.attention, at.pooling, CLASSES, at.image_size)
    network = network.to(device, memory_format=torch.channels_last)
    body = set(network.backbone.parameters())
    groups = [
        {"params": list(body), "lr": 0.01},
        {"params": [p for p in network.parameters() if p not in body], "lr": 0.1},
    ]
    optimizer = torch.optim.SGD(groups, momentum=0.9, weight_decay=1e-4, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, SCHEDULE)
    loss_of = torch.nn.CrossEntropyLoss()
    forward = torch.compile(network) if at.compiled else network
    photos, labels = noise(at.batch, at.image_size)
    on_gpu = device.type == "cuda"
    # Channels-last in memory already: NumPy's pixels, viewed with the channels first.
    pixels = torch.from_numpy(photos).permute(0, 1, 4, 2, 3)
    pairs = list(zip(pixels, torch.from_numpy(labels), strict=True))
    feeds = {
        "device": [tuple(x.to(device) for x in pairs[0])],
        "host": [tuple(x.pin_memory() for x in pair) if on_gpu else pair for pair in pairs],
    }

    def step(pair: tuple[Any, Any]) -> None:
        x, y = (tensor.to(device, non_blocking=True) for tensor in pair)
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device.type, torch.bfloat16, enabled=at.precision == "bfloat16"):
            loss = loss_of(forward(x), y)
        loss.backward()
        optimizer.step()
        schedule.step()

    def synchronize() -> None:
        if on_gpu:
            torch.cuda.synchronize()

    def times(inputs: list[tuple[Any, Any]]) -> np.ndarray:
        step(inputs[0])  # as fgmix's clock begins after a step
        synchronize()
        began = now()
        for number in range(at.steps):
            step(inputs[number % len(inputs)])
        synchronize()
        return (now() - began) / at.steps

    def measure() -> dict[str, float]:
        network.train()
        found = step_times(feeds, at.host, times)
        peak = torch.cuda.max_memory_allocated() / 2**20 if on_gpu else peak_mebibytes()
        return {**found, "peak_mebibytes": peak}

    parameters = sum(p.numel() for p in network.parameters())
    return {"parameters": parameters, "threads": torch.get_num_threads()}, measure


PASSIVE = {"OMP_WAIT_POLICY": "PASSIVE"}
"""For PyTorch on a CPU: threads that wait for others sleep. By default they spin, which on a
machine with other work makes a step many times as long, and elsewhere gains little."""


def require_same(contenders: dict[str, dict[str, Any]]) -> None:
    """Checks that contenders have the same number of trainable parameters.

    Raises:
        SystemExit: If their numbers differ.
    """
    counts = {name: about["parameters"] for name, about in contenders.items()}
    if len(set(counts.values())) > 1:
        raise SystemExit(f"not the same network: {counts} trainable parameters")
