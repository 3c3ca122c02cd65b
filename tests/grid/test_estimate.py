"""Estimates of a grid's time, calculated by hand."""

import os

import pytest

from fgmix.files import write_csv
from fgmix.grid.estimate import Estimate, duration
from fgmix.models import BACKBONES
from tests.grid.grids import small_grid


def trained(cell, *seconds):
    cell.directory.mkdir()
    rows = [{"epoch": i, "loss": 1, "accuracy": 0, "seconds": s} for i, s in enumerate(seconds, 1)]
    write_csv(cell.directory / "history.csv", ["epoch", "loss", "accuracy", "seconds"], rows)


def test_nothing_is_foretold_before_the_first_epoch(tmp_path):
    cells = small_grid(tmp_path)
    assert Estimate(cells).left(cells) is None
    assert Estimate(cells).left([]) == 0


def test_a_cell_lasts_as_its_likes_did(tmp_path):
    none, mixed, none_again, mixed_again = cells = small_grid(tmp_path)  # of 2 epochs each
    trained(none, 10, 30)
    estimate = Estimate(cells)
    # An epoch of `none` has a median of 20 s; `mixed` was not measured and is assumed equal.
    assert estimate.left([none_again]) == 40
    assert estimate.left([mixed, none_again]) == 80
    trained(mixed, 50)
    assert estimate.left([mixed]) == 50  # one of its two epochs is done
    assert estimate.left([mixed_again]) == 100


def test_what_a_run_took_beyond_its_epochs_counts_too(tmp_path):
    cells = small_grid(tmp_path, attentions=["none"], seeds=4)
    for cell, seconds in zip(cells, (53, 57, 55), strict=False):
        trained(cell, 20, 30)
        for name, at in (("config.json", 1000), ("metrics.json", 1000 + seconds)):
            (cell.directory / name).write_text("{}" if name == "config.json" else '{"top1": 1}')
            os.utime(cell.directory / name, (at, at))
    # Of these 50 seconds, the runs took 3, 7 and 5 more than their epochs.
    assert Estimate(cells).left(cells[3:]) == 2 * 25 + 5


def test_an_unseen_backbone_is_guessed_from_its_multiply_adds(tmp_path):
    cells = small_grid(tmp_path, backbones=["resnet50", "vgg16"], attentions=["none"], seeds=1)
    trained(cells[0], 10)
    times = BACKBONES["vgg16"].multiply_adds / BACKBONES["resnet50"].multiply_adds
    assert Estimate(cells).left(cells[1:]) == pytest.approx(2 * 10 * times)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "time unknown until the first epochs are trained"),
        (0, "about 1 min"),
        (150, "about 2 min"),
        (59 * 60, "about 59 min"),
        (3600, "about 1 h 00 min"),
        (3 * 3600 + 20 * 60, "about 3 h 20 min"),
        (2 * 86400 + 5 * 3600, "about 2 d 5 h"),
    ],
)
def test_durations_are_for_people(seconds, text):
    assert duration(seconds) == text
