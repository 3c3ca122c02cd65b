"""The tutorials run, and are stored with small outputs."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.forked import forked

ROOT = Path(__file__).parents[1]
TUTORIALS = sorted((ROOT / "docs" / "tutorials").glob("*.ipynb"))


def cells(notebook):
    return json.loads(notebook.read_text(encoding="utf-8"))["cells"]


def code(notebook):
    """Returns the source of every cell with code, with parameters that take seconds."""
    sources = []
    for cell in cells(notebook):
        if "parameters" in cell["metadata"].get("tags", ()):
            sources.append("EPOCHS = 1")
        elif cell["cell_type"] == "code":
            sources.append("".join(cell["source"]))
    return sources


def test_there_are_tutorials():
    assert [path.stem for path in TUTORIALS] == ["first_model", "is_attention_worth_it"]


@pytest.mark.parametrize("notebook", TUTORIALS, ids=lambda path: path.stem)
def test_a_tutorial_is_stored_small_and_with_the_outputs_of_one_run_or_none(notebook):
    assert notebook.stat().st_size < 200_000
    counts = [cell["execution_count"] for cell in cells(notebook) if cell["cell_type"] == "code"]
    assert counts in (list(range(1, len(counts) + 1)), [None] * len(counts)), "`make notebooks`"
    outputs = [output for cell in cells(notebook) for output in cell.get("outputs", ())]
    assert [output for output in outputs if output["output_type"] == "error"] == []


@pytest.mark.slow
@pytest.mark.parametrize("notebook", TUTORIALS, ids=lambda path: path.stem)
def test_a_tutorial_runs(notebook, tmp_path):
    script = tmp_path / "cells.py"
    script.write_text("\n\n".join(code(notebook)), encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "agg"}
    done = subprocess.run(
        [*forked(), script], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert list(tmp_path.glob("runs/*/metrics.json"))
