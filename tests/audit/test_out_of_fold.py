"""The runs of all folds: found, checked and joined, or refused with one line."""

import json
import shutil

import numpy as np
import pytest

from fgmix.audit.out_of_fold import join_folds, open_folds
from fgmix.errors import FgmixError
from tests.folds import write_folds, write_named_photos

COUNTS = {"crow": 7, "dove": 6, "heron": 5}


@pytest.fixture(scope="module")
def birds(tmp_path_factory):
    return write_named_photos(tmp_path_factory.mktemp("data") / "birds", COUNTS, {})


@pytest.fixture
def folds(birds, tmp_path):
    return write_folds(birds, tmp_path / "runs")


def one_line(caught):
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def change(run_dir, **settings):
    record = json.loads((run_dir / "config.json").read_text())
    record["config"] |= settings
    (run_dir / "config.json").write_text(json.dumps(record))


def test_every_training_image_is_predicted_once(folds, birds):
    joined = join_folds(open_folds(folds))
    assert (joined.name, joined.root, joined.crop_bottom) == ("birds", birds, 0)
    assert sorted(joined.paths) == sorted(
        f"train/{name}/{name} {n}.png" for name, count in COUNTS.items() for n in range(count)
    )
    assert joined.probabilities.shape == (18, 3)
    assert joined.probabilities.dtype == np.float32
    names = [path.split("/")[1] for path in joined.paths]
    assert [joined.class_names[i] for i in joined.labels] == names
    assert [joined.class_names[i] for i in joined.probabilities.argmax(axis=1)] == names


def test_one_run_brings_the_folds_beside_it_whatever_their_names(folds, birds, tmp_path):
    folds[2].rename(folds[2].with_name("elsewhere"))
    write_folds(birds, tmp_path / "runs" / "deeper", seed=1)  # of another experiment
    other = write_folds(birds, tmp_path / "others", seed=1)
    for run in other:
        shutil.copytree(run, folds[0].with_name(f"other-{run.name}"))
    found = open_folds([folds[1]])
    assert [run.directory.name for run in found] == ["run-fold_0", "run-fold_1", "elsewhere"]


def test_runs_may_be_named_in_any_order(folds):
    assert [run.config.fold for run in open_folds(folds[::-1])] == [0, 1, 2]


def test_missing_folds_are_named(folds):
    shutil.rmtree(folds[2])
    (folds[1] / "metrics.json").unlink()  # one that has not finished
    with pytest.raises(FgmixError, match="no finished run of fold 1, 2 of 3") as caught:
        open_folds([folds[0]])
    assert "--fold 1" in one_line(caught)


def test_a_fold_that_is_there_twice_is_refused(folds):
    shutil.copytree(folds[1], folds[1].with_name("again"))
    with pytest.raises(FgmixError, match="fold 1 is there twice") as caught:
        open_folds([folds[0]])
    one_line(caught)
    assert len(open_folds(folds)) == 3


def test_folds_of_different_experiments_are_refused(folds):
    change(folds[1], epochs=9)
    with pytest.raises(FgmixError, match=r"not folds of one experiment.*--epochs was") as caught:
        open_folds(folds)
    one_line(caught)


def test_a_run_without_folds_is_refused(finished):
    with pytest.raises(FgmixError, match="--folds 3 and --fold 0, 1 and 2") as caught:
        open_folds([finished])
    one_line(caught)


@pytest.mark.parametrize(
    "damage",
    [
        lambda run: (run / "probabilities.npy").unlink(),
        lambda run: (run / "probabilities.npy").write_bytes(b"nothing"),
        lambda run: np.save(run / "probabilities.npy", np.zeros((2, 3))),
        lambda run: (run / "predictions.csv").write_text("path,label\nx.jpg,eagle\n"),
    ],
    ids=["missing", "damaged", "another number of photos", "another class"],
)
def test_damaged_predictions_are_told_with_their_run(folds, damage):
    damage(folds[1])
    with pytest.raises(FgmixError, match="run-fold_1") as caught:
        join_folds(open_folds(folds))
    one_line(caught)


def test_images_that_changed_class_between_the_folds_are_noticed(folds, tmp_path):
    # Moved to another class after the first fold was trained.
    moved = write_named_photos(tmp_path / "birds", COUNTS, {"crow 3": "dove"})
    again = write_folds(moved, tmp_path / "again")
    with pytest.raises(FgmixError, match="changed between the folds") as caught:
        join_folds(open_folds([folds[0], *again[1:]]))
    one_line(caught)


def test_few_shots_do_not_leave_images_out(birds, tmp_path):
    joined = join_folds(open_folds(write_folds(birds, tmp_path / "runs", shots=2)))
    assert len(joined.paths) == sum(COUNTS.values())
