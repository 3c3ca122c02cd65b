"""A pytest plugin: what became of every test, written as it becomes known; and no TensorFlow.

`pytest -p benchmarks.lib.outcomes` appends a line of JSON for each test to the file that the
environment variable FGMIX_OUTCOMES names, so that tests which were cut off still leave a record.
TensorFlow can't be imported, in this process and in pytest-xdist's, as where it is not installed.
"""

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

FILE = "FGMIX_OUTCOMES"

if FILE in os.environ:  # before the tests' own set-up imports it
    sys.modules["tensorflow"] = None  # type: ignore[assignment]


def pytest_configure(config: Any) -> None:
    """Sees that reports are written once: by the process that collects all of them."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Writer(Path(os.environ[FILE])))


class Writer:
    """Writes a line for each test."""

    def __init__(self, file: Path):
        self.file = file

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Writes how a test ended, or that it could not begin or clean up."""
        if report.when == "call" or report.outcome != "passed":
            self._write(report, report.duration)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Writes that the tests of a file could not be found, or are skipped as a whole."""
        if report.outcome != "passed":
            self._write(report, 0.0)

    def _write(self, report: Any, seconds: float) -> None:
        why = "" if report.outcome == "passed" else reason(report.longrepr)
        line = {"test": report.nodeid, "outcome": report.outcome, "seconds": seconds, "why": why}
        with self.file.open("a", encoding="utf-8") as out:
            print(json.dumps(line), file=out)


def reason(found: Any) -> str:
    """Returns a line on why a test failed or was skipped, as pytest gives it."""
    if isinstance(found, tuple):  # file, line and reason of a skip
        found = found[-1]
    crash = getattr(found, "reprcrash", None)
    lines = str(found if crash is None else crash.message).strip().splitlines() or [""]
    return (lines[-1] if crash is None else lines[0])[:300]


def outcomes(file: Path) -> Iterator[dict[str, Any]]:
    """Yields the lines of a file, whole ones only."""
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    for line in text.splitlines(keepends=True):
        if line.endswith("\n"):
            yield json.loads(line)


def counts(lines: list[dict[str, Any]]) -> dict[str, int]:
    """Returns how many tests passed, failed and were skipped."""
    found = Counter(line["outcome"] for line in lines)
    return {name: found[name] for name in ("passed", "failed", "skipped")}
