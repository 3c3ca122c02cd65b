"""The figures of growing time and memory match the committed records."""

import json

import pytest

from benchmarks.speed import scaling_figures as script


def test_every_committed_record_has_its_figures_and_no_figure_is_left_over():
    drawn = list(script.drawings())
    stale = [figure.name for record, _, figure in drawn if not script.is_fresh(record, figure)]
    assert stale == [], "run `python -m benchmarks.speed.scaling_figures`"
    there = {path.name for path in script.FIGURES.glob("*")}
    assert there == {figure.name for _, _, figure in drawn}


@pytest.fixture
def record(tmp_path):
    """A record of two axes."""
    path = tmp_path / "scaling.json"
    point = {"seconds_an_epoch": 4.0, "seconds_a_step": 0.5, "peak_mebibytes": 2048}
    axes = {
        axis: [{"value": value, "rounds": [point, point]} for value in (10, 1000)]
        for axis in ("images", "batch")
    }
    what = {"backbone": "tiny", "attention": "mixed", "precision": "float32"}
    path.write_text(json.dumps({**what, "axes": axes}))
    return path


def test_a_figure_shows_time_and_memory_along_its_axis(record, tmp_path):
    assert [axis for _, axis, _ in script.drawings(tmp_path)] == ["images", "batch"]
    images, batch = (script.draw(record, axis) for axis in ("images", "batch"))
    assert all(f">{text}<" in images for text in ("seconds an epoch", "training images", "1,000"))
    assert ">seconds a step<" in batch
    assert ">most memory, GiB<" in batch


def test_a_figure_goes_stale_with_its_record(record, tmp_path):
    figure = tmp_path / "figure.svg"
    assert not script.is_fresh(record, figure)
    figure.write_text(script.draw(record, "images"), encoding="utf-8")
    assert script.is_fresh(record, figure)
    record.write_text(record.read_text().replace("2048", "4096"))
    assert not script.is_fresh(record, figure)
