"""Timing of whole commands."""

import os
import resource
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.lib.paths import ROOT
from benchmarks.lib.workers import ENVIRONMENT


def run_timed(command: Sequence[str], stored: Path) -> tuple[str, dict[str, float]]:
    """Runs a command from the repository's root.

    Args:
        command: Its words.
        stored: The folder for everything that fgmix and TensorFlow Datasets store.

    Returns:
        Its output, its elapsed seconds and its seconds of processor time.
    """
    environment = {**os.environ, **ENVIRONMENT, "TFDS_DATA_DIR": str(stored)}
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        command, cwd=ROOT, env=environment, check=True, text=True, stdout=subprocess.PIPE
    )
    after, ended = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return done.stdout, {"seconds": ended - began, "processor_seconds": processor}
