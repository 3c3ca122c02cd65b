"""The GPU of a machine, as JAX, PyTorch and NVIDIA's driver see it."""

import json
import os
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from benchmarks.lib.workers import WITHOUT, measure_apart
from fgmix.errors import FgmixError

PEAKS = {
    "H200": 989,
    "H100 PCIe": 756,
    "H100 NVL": 835,
    "H100": 989,
    "A100": 312,
    "L40S": 362,
    "L4": 121,
}
"""Dense bfloat16 teraflops by a part of the device's name, from NVIDIA's data sheets."""
FGMIX = {
    "KERAS_BACKEND": "jax",
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    WITHOUT: "tensorflow",
}
"""For JAX beside another process on the same GPU: memory is taken as it is needed. Workers import
no TensorFlow, be it there or not."""
ON_CPU = FGMIX | {
    "JAX_PLATFORMS": "cpu",
    "CUDA_VISIBLE_DEVICES": "-1",
    "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
}
"""For a rehearsal: compiled quickly, not to run quickly."""
KNOWN = "BENCHMARKS_DEVICES"
"""A variable of the environment: what `look` has found, for a script that another one starts."""
REHEARSED = {"jax": None, "torch": "CPU, rehearsed"}
"""In place of a device where nothing is measured."""


def look() -> dict[str, Any]:
    """Returns, in a worker, the device of each library and its driver."""
    import jax
    import torch

    gpu = torch.cuda.is_available()
    return {
        "jax": jax.devices()[0].device_kind if jax.default_backend() == "gpu" else None,
        "torch": torch.cuda.get_device_name() if gpu else None,
        "cuda_of_torch": torch.version.cuda,
        "cudnn_of_torch": torch.backends.cudnn.version() if gpu else None,
        "driver": driver(),
    }


def driver() -> str | None:
    """Returns name, driver and memory of the GPUs by `nvidia-smi`; None where there is none."""
    if shutil.which("nvidia-smi") is None:
        return None
    asked = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=60)
    return done.stdout.strip() or None


def installed() -> dict[str, str]:
    """Returns the versions of the libraries that are there."""
    found = {}
    for name in ("jax", "jaxlib", "keras", "torch", "numpy", "tensorflow", "tensorflow-cpu"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def require_gpus(*libraries: str) -> dict[str, Any]:
    """Returns what `look` found in a process of its own, or a process before this one.

    Raises:
        FgmixError: If one of the libraries has no GPU.
    """
    known = os.environ.get(KNOWN)
    found = json.loads(known) if known else measure_apart("benchmarks.lib.devices:look", {}, FGMIX)
    missing = [name for name in libraries if not found[name]]
    if missing:
        raise FgmixError(
            f"no GPU for {' and '.join(missing)}: nothing was measured; run this where JAX and "
            f"PyTorch have one, or try it on the CPU with --rehearse"
        )
    return found


def peak_teraflops(device: str) -> float | None:
    """Returns the dense bfloat16 teraflops of a device by its name; None if it is not known."""
    return next((peak for part, peak in PEAKS.items() if part in device), None)
