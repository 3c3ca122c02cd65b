"""Divides this host among the cells that are trained at a time: GPUs or cores, and memory."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from fgmix.config.train_config import TrainConfig
from fgmix.errors import FgmixError
from fgmix.grid.process import Slot
from fgmix.models.backbones.registry import shown_name

GPUS, THREADS = "CUDA_VISIBLE_DEVICES", "TF_NUM_INTRAOP_THREADS"
GIB = 1 << 30
PROCESS = 1.0
"""GiB of a process with TensorFlow and a small model."""
MEASURED = {
    "vgg16": (1.1, 4.1),
    "vgg16_bn": (1.1, 5.6),
    "resnet50": (1.8, 6.4),
    "resnet50_torch": (1.8, 6.1),
    "mobilenet_v2": (1.3, 4.4),
    "efficientnet_v2_b0": (1.3, 4.1),
    "convnext_tiny": (1.3, 8.5),
    "tiny": (1.0, 2.3),
}
"""GiB with the model built, and the most in training, of docs/explanation/memory.md."""
BATCH, SIZE = 32, 224
"""What they were measured with."""


def slots(jobs: int) -> list[Slot]:
    """Returns what each of several cells at a time may use: a GPU, or its share of the cores.

    The number of TensorFlow's threads stays that of all cores: it decides how sums are split, and
    so the last bits of a result, which are those of one cell at a time.

    Args:
        jobs: The number of cells at a time, at least 1.

    Raises:
        FgmixError: If there are fewer GPUs or cores.
    """
    if jobs == 1:
        return [Slot()]
    gpus = visible_gpus()
    if gpus:
        if jobs > len(gpus):
            have = f"{len(gpus)} GPU{'s' * (len(gpus) > 1)}"
            raise FgmixError(f"--jobs {jobs}: a cell needs its own GPU, and this host has {have}")
        return [Slot(number, {GPUS: gpu}) for number, gpu in enumerate(gpus[:jobs])]
    cores = _cores()
    if jobs > len(cores):
        have = f"{len(cores)} core{'s' * (len(cores) > 1)}"
        raise FgmixError(
            f"--jobs {jobs}: a cell needs at least a core, and this process has {have}"
        )
    if not hasattr(os, "sched_setaffinity"):
        return [Slot(number) for number in range(jobs)]  # the system divides its cores by itself
    threads = {THREADS: os.environ.get(THREADS, str(len(cores)))}
    bounds = [number * len(cores) // jobs for number in range(jobs + 1)]
    return [
        Slot(number, threads, tuple(cores[bounds[number] : bounds[number + 1]]))
        for number in range(jobs)
    ]


def visible_gpus() -> list[str]:
    """Returns the NVIDIA GPUs that this process may use, as `CUDA_VISIBLE_DEVICES` names them."""
    named = os.environ.get(GPUS)
    if named is not None:
        return [name for name in named.split(",") if name.strip() and name.strip() != "-1"]
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    with suppress(OSError, subprocess.SubprocessError):
        told = subprocess.run([tool, "-L"], capture_output=True, text=True, timeout=30).stdout
        return [str(i) for i, _ in enumerate(x for x in told.splitlines() if x.startswith("GPU "))]
    return []


def refuse_too_many(jobs: int, configs: Sequence[TrainConfig]) -> None:
    """Checks that the memory of this host holds several cells at a time, as far as can be known.

    Args:
        jobs: The number of cells at a time.
        configs: The resolved configs of the cells.

    Raises:
        FgmixError: If it does not.
    """
    free = free_memory()
    if free is None or jobs == 1:
        return
    on_gpus = bool(visible_gpus())
    needs = sorted((memory_needed(config, on_gpus) for config in configs), reverse=True)
    together = sum(needs[:jobs])
    if together <= free:
        return
    fitting = max((n for n in range(1, jobs) if sum(needs[:n]) <= free), default=1)
    raise FgmixError(
        f"--jobs {jobs}: {min(jobs, len(needs))} cells at a time need about {together:.0f} GiB of "
        f"memory, and {free:.0f} GiB are free: give --jobs {fitting}, or a smaller --batch-size"
    )


def memory_needed(config: TrainConfig, on_gpu: bool) -> float:
    """Returns the GiB that a cell takes in the memory of its host, about.

    Of a backbone that was not measured, and on a GPU, it is what the process takes at least.

    Args:
        config: Its resolved config.
        on_gpu: Whether it is trained on a GPU.
    """
    if on_gpu:
        return 2 * PROCESS
    built, training = MEASURED.get(shown_name(config.backbone), (PROCESS, PROCESS))
    if config.views and not config.finetune_epochs:
        return built
    photos = config.batch_size / config.accumulate / BATCH
    return built + (training - built) * photos * (config.image_size / SIZE) ** 2


def free_memory() -> float | None:
    """Returns the GiB of memory that are free for this process; None if that is unknown."""
    free = []
    with suppress(OSError, ValueError, IndexError):
        text = Path("/proc/meminfo").read_text(encoding="ascii")
        free.append(int(text.partition("MemAvailable:")[2].split()[0]) * 1024 / GIB)
    with suppress(OSError, ValueError, IndexError):
        group = Path("/sys/fs/cgroup")
        most = int((group / "memory.max").read_text(encoding="ascii"))
        # Not memory.current: it counts cached files too.
        used = (group / "memory.stat").read_text(encoding="ascii").partition("anon ")[2]
        free.append((most - int(used.split()[0])) / GIB)
    return max(0.0, min(free)) if free else None


def _cores() -> list[int]:
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))
