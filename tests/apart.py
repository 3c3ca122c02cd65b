"""Trains in separate processes, on either backend, with several devices or processes."""

import json
import os
import socket
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np

from fgmix.config.train_config import TrainConfig
from fgmix.failpoints import FAIL_AT
from tests.forked import forked
from tests.kills import weights

ROOT = Path(__file__).parents[1]
WORK = """
import json, sys
import tensorflow as tf
settings, devices, exported = json.loads(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "exported"
cpu = tf.config.list_physical_devices("CPU")[0]
parts = [tf.config.LogicalDeviceConfiguration()] * devices
tf.config.set_logical_device_configuration(cpu, parts)
import fgmix.workflows.train_and_evaluate
from fgmix import TrainConfig, train
from fgmix.cli.main import run
from fgmix.training.determinism import make_deterministic
make_deterministic()
tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
if not exported:
    fgmix.workflows.train_and_evaluate.export_apart = lambda *_: None
sys.exit(run(lambda _: train(TrainConfig(**settings)) and 0, []))
"""


def start(
    config: TrainConfig,
    backend: str = "tensorflow",
    devices: int = 1,
    kill_at: str = "",
    exported: bool = False,
    fresh: bool = False,
    **environment: str,
) -> subprocess.Popen:
    """Starts a training as the command line does, with its messages and exit codes.

    Args:
        config: The config of the run.
        backend: Keras's.
        devices: Into how many the processor is divided.
        kill_at: The failpoint at which the process ends, if not at the end of the run.
        exported: Whether a run that is exported in one more process is; it takes half of its time.
        fresh: Whether it is a process of its own from its start, and not a fork of one that all
            share. Forks order their sets alike.
        environment: More variables of the process.
    """
    names = {"KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    names["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={devices}"
    if kill_at:
        names[FAIL_AT] = kill_at
    arguments = [json.dumps(asdict(config)), str(devices if backend == "tensorflow" else 1)]
    arguments.append("exported" if exported else "not exported")
    return subprocess.Popen(
        [*([sys.executable] if fresh else forked(backend)), "-c", WORK, *arguments],
        env={**os.environ, **names, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(*processes: subprocess.Popen, timeout: float = 600) -> list[str]:
    """Waits until trainings have succeeded and returns their output."""
    said = []
    for process in processes:
        out, error = process.communicate(timeout=timeout)
        assert process.returncode == 0, f"{out[-2000:]}\n{error[-3000:]}"
        said.append(out)
    return said


def free_port() -> int:
    """Returns a port that no process listens on."""
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        return tried.getsockname()[1]


def largest_difference(run: Path, other: Path) -> float:
    """Returns the largest difference between the weights of two finished runs."""
    pairs = zip(weights(run), weights(other), strict=True)
    return max(float(np.abs(a - b).max()) for a, b in pairs)
