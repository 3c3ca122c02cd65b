"""The figures of comparisons in the documents were drawn from the committed records."""

import json
import re
from pathlib import Path

import pytest

from benchmarks.accuracy import readme_figures as script
from fgmix.comparison.contrasts import compare
from fgmix.comparison.output import write_record
from fgmix.comparison.study import open_study
from tests.report.fakes import write_grid

ROOT = Path(__file__).parents[1]
REDRAW = "run `python -m benchmarks.accuracy.readme_figures`"


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    """Returns the record of a comparison of fake runs."""
    folder = tmp_path_factory.mktemp("record")
    write_grid(folder / "runs", folder, ("one", "two"), ("none", "mixed"), 2)
    path = folder / "some_comparison.json"
    write_record(path, compare(open_study([folder / "runs"])))
    return path


def test_every_committed_record_has_its_figure():
    stale = [f.name for record, f in script.records() if not script.is_fresh(record, f)]
    assert stale == [], REDRAW


def test_every_committed_record_can_be_drawn_again():
    for record, _ in script.records():
        assert "detectable difference (80 %)" in script.draw(record)


def test_every_drawn_figure_is_shown_and_every_shown_one_is_drawn():
    pages = [page.read_text(encoding="utf-8") for page in (ROOT / "docs").glob("**/*.md")]
    shown = {name for page in pages for name in re.findall(r"figures/([\w-]+\.svg)", page)}
    assert shown - {"NAME.svg"} == {figure.name for _, figure in script.records()}


def test_no_figure_is_left_of_a_record_that_is_gone():
    drawn = {figure.name for _, figure in script.records()}
    assert {path.name for path in script.FIGURES.glob("*.svg")} <= drawn


def test_a_figure_goes_stale_with_its_record(record, tmp_path):
    figure = tmp_path / "figure.svg"
    assert not script.is_fresh(record, figure)
    figure.write_text(script.draw(record), encoding="utf-8")
    assert script.is_fresh(record, figure)
    content = json.loads(record.read_text())
    content["groups"][0]["accuracy"]["mean"] += 0.01
    changed = tmp_path / record.name
    changed.write_text(json.dumps(content))
    assert not script.is_fresh(changed, figure)


def test_the_same_record_gives_the_same_figure(record):
    figure = script.draw(record)
    assert figure == script.draw(record)
    assert "95 % interval" in figure
    assert "mixed" in figure
