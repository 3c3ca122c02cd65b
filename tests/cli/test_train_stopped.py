"""Ctrl-C and SIGTERM on `train.py`: it saves, prints how to resume, and resumes."""

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fgmix.cli.train import resume_command
from tests.forked import forked
from tests.trained_runs import read_history

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


def start(argv, **options):
    return subprocess.Popen(
        [*forked(), *argv],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell's background job ignores Ctrl-C, and the tests may be one.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        **options,
    )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_and_the_command_that_is_printed_goes_on(photos, tmp_path, number, code):
    flags = ["--backbone", "tiny", "--weights", "none", "--image-size", "32", "--epochs", "2"]
    argv = ["train.py", "--dataset", str(photos), *flags, "--batch-size", "8", "--overwrite"]
    process = start([*argv, "--run-dir", str(tmp_path / "a run")])
    for line in process.stdout:
        if line.startswith("Epoch 1/2"):
            break  # the first step takes seconds, because it builds the graph
    process.send_signal(number)
    _, err = process.communicate(timeout=300)
    assert process.returncode == code, err
    assert "saving after this step" in err
    assert "Traceback" not in err
    message, command = err.strip().splitlines()[-2:]
    assert message == "stopped; the run is saved up to step 1 of 6; continue with"
    assert (tmp_path / "a run" / "checkpoint.npz").exists()
    assert not (tmp_path / "a run" / "metrics.json").exists()

    python, *again = shlex.split(command)
    assert python == "python"
    if number == signal.SIGINT:
        return  # resuming is the same for both signals
    process = start(again)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert "continuing after step 1 of 6" in out
    assert len(read_history(tmp_path / "a run")) == 2


def test_the_command_is_the_one_that_was_given(monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", ["train.py"])
    given = ["--dataset", "my photos", "--overwrite", "--resume"]
    assert resume_command(given) == "python train.py --dataset 'my photos' --resume"
    monkeypatch.setattr(sys, "argv", ["/usr/bin/fgmix"])
    assert resume_command(["--dataset", "cars"]) == "fgmix train --dataset cars --resume"
