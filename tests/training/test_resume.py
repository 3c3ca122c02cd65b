"""A run that is killed at any moment and resumed, or repeated, gives bit-identical weights."""

import signal
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.lib.exports import exported_values
from fgmix.runs.record import read_config
from tests.kills import small_with_dropout, train_apart, weights
from tests.trained_runs import read_history, small_config

pytestmark = pytest.mark.slow

SETTINGS = {"checkpoint_every": 1, "val_fraction": 0.25, "monitor_test": True}
# The failpoints that kill a run, in order. Every resumed run counts from the start.
MOMENTS = {
    "paper": [
        "step@2",  # the first step's checkpoint exists
        "rename checkpoint.npz@2",  # written, not yet renamed; one is kept
        "validation",  # all steps of the epoch are done, but not its validation
        "export",  # the SavedModel is written, not yet renamed
    ],
    "strong": [
        "between checkpoints@2",  # the newest has become the previous one
        "rename history.csv@2",
        "evaluated",
        "rename metrics.json",  # the last write
    ],
    "everything": [
        "step@3",  # images are small
        "step@4",  # images are large
        "evaluated",  # the EMA has replaced the weights
    ],
}
EVERYTHING = {
    "augmentation": "trivial",
    "ema": 0.9,
    "bn": "frozen",
    "frozen_stride": 4,
    "progressive_share": 0.5,
    "progressive_scale": 0.5,
}
"""Optional settings of `strong`."""


@pytest.fixture(scope="module", params=list(MOMENTS))
def runs(request, photos, tmp_path_factory):
    """Returns a run of 2 epochs, the same run killed at every failpoint, and a repeated run."""
    directory = tmp_path_factory.mktemp(request.param)
    settings = SETTINGS | ({} if request.param == "paper" else {"accumulate": 2})
    recipe = request.param
    if recipe == "everything":
        pretrained = directory / "tiny.weights.h5"
        small_with_dropout(64).save_weights(pretrained)
        settings |= {"image_size": 64, "weights": str(pretrained)} | EVERYTHING
        recipe = "strong"
    config = small_config(photos, directory / "whole", recipe=recipe, **settings)
    assert train_apart(config) == 0
    killed = replace(config, run_dir=str(directory / "killed"))
    for number, moment in enumerate(MOMENTS[request.param]):
        code = train_apart(replace(killed, resume=number > 0), moment)
        assert code == -signal.SIGKILL, moment
        assert not (directory / "killed" / "metrics.json").exists()
    assert train_apart(replace(killed, resume=True)) == 0
    if request.param != "everything":
        return directory / "whole", directory / "killed"
    again = {"run_dir": str(directory / "again")}
    assert train_apart(read_config(directory / "whole" / "config.json", again)) == 0
    return directory / "whole", directory / "killed", directory / "again"


def test_weights_have_the_same_bits(runs):
    whole, *others = map(weights, runs)
    assert len(whole) > 25
    for other in others:
        for one, same in zip(whole, other, strict=True):
            np.testing.assert_array_equal(one, same)
    whole, *others = (exported_values(run / "1") for run in runs)
    assert sum(map(len, whole)) > sum(variable.nbytes for variable in weights(runs[0])) / 2
    assert all(other == whole for other in others)


def test_history_and_results_have_the_same_bits(runs):
    for name in ("metrics.json", "predictions.csv", "splits.csv", "labels.txt"):
        assert len({(run / name).read_bytes() for run in runs}) == 1
    whole, *histories = map(read_history, runs)
    assert [row["epoch"] for row in whole] == ["1", "2"]
    measured = {"loss", "accuracy", "val_loss", "val_accuracy", "test_loss", "test_accuracy"}
    assert measured <= set(whole[0])
    # Only the times may differ.
    for one, *others in zip(whole, *histories, strict=True):
        differing = {name for name in one for other in others if one[name] != other[name]}
        assert differing <= {"seconds", "images_per_second"}


def test_a_finished_run_keeps_nothing_of_its_interruptions(runs):
    first, *others = (sorted(path.name for path in run.iterdir()) for run in runs)
    assert all(names == first for names in others)
    assert not [name for name in first if "partial" in name or "checkpoint" in name]
