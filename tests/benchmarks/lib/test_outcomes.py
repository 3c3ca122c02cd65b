"""What became of tests is written one by one, and they find no TensorFlow."""

import os
import subprocess
import sys

from benchmarks.lib import outcomes
from benchmarks.lib.paths import ROOT

TESTS = """
import pytest

def test_passes():
    pass

def test_fails():
    assert 1 == 2

def test_is_skipped():
    pytest.importorskip("tensorflow")

@pytest.fixture
def broken():
    raise ValueError("no such thing")

def test_can_not_begin(broken):
    pass
"""


def test_every_test_is_written_with_its_reason(tmp_path):
    (tmp_path / "test_these.py").write_text(TESTS)
    (tmp_path / "test_without.py").write_text("import tensorflow\n")
    file = tmp_path / "outcomes.jsonl"
    command = [sys.executable, "-m", "pytest", "-p", "benchmarks.lib.outcomes", "--quiet"]
    command += ["--continue-on-collection-errors", "--rootdir", str(tmp_path), str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), outcomes.FILE: str(file)}
    subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True)
    found = list(outcomes.outcomes(file))
    assert outcomes.counts(found) == {"passed": 1, "failed": 3, "skipped": 1}
    said = {line["test"].split("::")[-1]: line["why"] for line in found}
    assert said["test_passes"] == ""
    assert "ValueError: no such thing" in said["test_can_not_begin"]
    assert "tensorflow" in said["test_is_skipped"]
    assert "tensorflow" in said["test_without.py"]


def test_a_line_that_was_cut_off_is_left_out(tmp_path):
    file = tmp_path / "outcomes.jsonl"
    assert list(outcomes.outcomes(file)) == []
    file.write_text('{"outcome": "passed"}\n{"outco')
    assert list(outcomes.outcomes(file)) == [{"outcome": "passed"}]
