"""The kit takes its steps whatever becomes of them, and its steps run where TensorFlow can't."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.gpu import kit
from benchmarks.lib.paths import RESULTS
from fgmix.cli.main import run

STEP = """
import argparse, json, pathlib, subprocess, sys, time
parser = argparse.ArgumentParser()
parser.add_argument("--output", type=pathlib.Path)
parser.parse_known_args()
output = parser.parse_known_args()[0].output
def record(name, **found):
    (output / f"{name}.json").write_text(json.dumps(found))
"""


@pytest.fixture
def steps(tmp_path, monkeypatch):
    """Steps that fail, hang with a child after their first record, and succeed."""
    (tmp_path / "fails.py").write_text(STEP + "sys.exit('it | broke')")
    (tmp_path / "hangs.py").write_text(
        STEP + "record('gpu_run', found='half')\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"pathlib.Path({str(tmp_path / 'child')!r}).write_text(str(child.pid))\n"
        "time.sleep(60)\n"
    )
    (tmp_path / "works.py").write_text(STEP + "record('gpu_tests', found='all')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv(kit.KNOWN, "")
    monkeypatch.setattr(kit, "GRACE", 0.0)
    monkeypatch.setattr(kit, "LEAST", 0.0)
    for name, module, share in (
        ("throughput", "fails", 1),
        ("train", "hangs", 1),
        ("tests", "works", 4),
    ):
        changed = {"module": module, "share": share, "in_short": lambda record: record["found"]}
        monkeypatch.setitem(kit.STEPS, name, replace(kit.STEPS[name], **changed))
    return tmp_path


def is_over(number):
    """Whether a process has ended, be it that nobody has asked for its exit code."""
    stat = Path(f"/proc/{number}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"


def test_a_step_that_fails_or_hangs_does_not_stop_the_others(steps, capsys):
    output = steps / "out"
    argv = ["--rehearse", "--output", str(output), "--minutes", "0.4"]
    assert run(kit.command, argv) == 1
    rows = json.loads((output / "kit.json").read_text())["rows"]
    assert [(row["step"], row["ended"], row["found"]) for row in rows] == [
        ("throughput", "failed with exit code 1", "it | broke"),
        ("train", "killed: out of time", "half"),
        ("tests", "done", "all"),
    ]
    assert is_over(int((steps / "child").read_text()))
    printed = capsys.readouterr().out
    assert "| `train` | killed: out of time |" in printed
    assert "it / broke" in printed


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--rehearse"], "a rehearsal is no measurement: give --output FOLDER"),
        (["--site", "nowhere"], "--site nowhere: there is no such folder"),
        (["--photos", "nowhere"], "--photos nowhere: there is no such folder"),
    ],
)
def test_what_can_not_be_is_one_line(flags, message, capsys):
    before = sorted(RESULTS.iterdir())
    assert run(kit.command, flags) == 2
    assert message in capsys.readouterr().err
    assert sorted(RESULTS.iterdir()) == before


@pytest.mark.peers
@pytest.mark.slow
def test_the_rehearsal_takes_every_step(tmp_path, monkeypatch):
    monkeypatch.setenv(kit.KNOWN, "")
    pytest.importorskip("torch", reason="torch is not installed")
    argv = ["--rehearse", "--output", str(tmp_path), "--minutes", "60"]
    assert run(kit.command, argv) == 0, (tmp_path / kit.LOG).read_text()[-3000:]
    records = {name: json.loads((tmp_path / f"{name}.json").read_text()) for name in NAMES}
    [row] = records["gpu_training"]["rows"]
    assert row["parameters"] > 0 and set(row["images_per_second"]) == {"device", "host"}
    assert records["gpu_run"]["was_killed"]
    assert records["gpu_run"]["resumed"] == {
        "identical": True,
        "differs": [],
        "arrays": records["gpu_run"]["resumed"]["arrays"],
        "arrays_that_differ": 0,
        "largest_difference": 0.0,
    }
    assert records["gpu_tests"]["counts"]["passed"] >= 9
    assert records["gpu_tests"]["failed"] == []
    assert [row["ended"] for row in records["kit"]["rows"]] == ["done"] * 3


NAMES = ("kit", "gpu_training", "gpu_run", "gpu_tests")
