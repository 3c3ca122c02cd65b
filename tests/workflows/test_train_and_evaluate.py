"""The training workflow: the files of a run, and of a failed one."""

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

import fgmix
from fgmix import FgmixError, TrainConfig
from fgmix.data.sources.folder import load_folder
from fgmix.files import write_json
from fgmix.runs.run import Run
from fgmix.serving.model_card import write_card
from fgmix.training.trainer import build_model
from fgmix.workflows import train_and_evaluate as experiment
from tests.trained_runs import CLASSES, TEST, TRAIN, read_history, small_config


def names(run_dir):
    return sorted(p.name for p in run_dir.iterdir())


def test_a_finished_run_has_the_agreed_files_and_no_others(finished):
    assert names(finished) == [
        "1",
        "config.json",
        "distance.npz",
        "history.csv",
        "labels.txt",
        "logs",
        "metrics.json",
        "model.keras",
        "predictions.csv",
        "splits.csv",
    ]
    assert list((finished / "logs").rglob("events.out.tfevents.*"))


def test_what_is_served_has_a_card_like_that_of_an_export(finished):
    run = Run.open(finished)
    assert (finished / "1" / "README.md").read_text() == write_card(run, run.metrics, "1")
    assert (finished / "1" / "assets.extra" / "tf_serving_warmup_requests").is_file()


def test_the_history_has_a_row_an_epoch(finished):
    rows = read_history(finished)
    assert list(rows[0]) == [
        "epoch",
        "loss",
        "accuracy",
        "lr_backbone",
        "lr_head",
        "seconds",
        "images_per_second",
    ]
    assert [row["epoch"] for row in rows] == ["1", "2"]
    # The cosine over 2 epochs: its peak, then half the peak.
    assert [float(row["lr_backbone"]) for row in rows] == pytest.approx([0.01, 0.005])
    assert [float(row["lr_head"]) for row in rows] == pytest.approx([0.1, 0.05])
    for row in rows:
        assert math.isfinite(float(row["loss"]))
        assert 0 <= float(row["accuracy"]) <= 1
        images = float(row["images_per_second"]) * float(row["seconds"])
        assert images == pytest.approx(TRAIN * len(CLASSES))


def test_the_config_says_everything_that_was_decided(finished, photos):
    record = json.loads((finished / "config.json").read_text())
    assert TrainConfig(**record["config"]) == small_config(photos, finished).resolve()
    unset = ("data_dir", "columns", "shots", "folds", "fold", "checkpoint_every")
    unset += ("coordinator", "processes", "process", "finetune", "few")
    assert None not in [v for k, v in record["config"].items() if k not in unset]
    assert record["precision"] == "float32"
    assert record["data"]["num_images"] == {
        "train": TRAIN * len(CLASSES),
        "test": TEST * len(CLASSES),
    }
    assert record["data"]["fingerprint"] == load_folder(photos).fingerprint()
    assert record["versions"]["keras"] == keras.__version__


def test_labels_stand_in_the_order_of_the_outputs(finished):
    assert (finished / "labels.txt").read_text() == "blue\ngreen\nred\n"
    model = Run.open(finished).load_model()
    assert model.output_shape == (None, len(CLASSES))


def test_the_model_learns_to_tell_colours_apart(finished):
    # Six steps are few, but chance is 1/3, and with labels in a wrong order one class is right.
    assert json.loads((finished / "metrics.json").read_text())["top1"] > 0.5


def test_the_saved_model_carries_no_optimizer(finished):
    assert not keras.models.load_model(finished / "model.keras").compiled


@pytest.mark.slow
def test_another_seed_starts_elsewhere_and_the_same_one_does_not(photos, tmp_path):
    def kernels(seed):
        config = small_config(photos, tmp_path, seed=seed).resolve()
        model = build_model(config, len(CLASSES), "float32")
        return [np.asarray(v) for v in model.trainable_variables if v.path.endswith("kernel")]

    one, same, other = kernels(0), kernels(0), kernels(1)
    assert len(one) > 10
    for a, b, c in zip(one, same, other, strict=True):
        np.testing.assert_array_equal(a, b)
        assert not np.array_equal(a, c)


@pytest.fixture(scope="module")
def killed(photos, tmp_path_factory):
    """Returns a run that was killed between last epoch and evaluation, and its config."""
    config = small_config(
        photos, tmp_path_factory.mktemp("killed") / "run", epochs=1, val_fraction=0.25
    )

    def kill(*args, **kwargs):
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(experiment, "evaluate", kill)
        fgmix.train(config)
    return config


@pytest.fixture
def resume(killed, tmp_path):
    """Resumes a copy of the killed run, perhaps with other settings."""
    shutil.copytree(killed.run_dir, tmp_path / "run")

    def call(**changes):
        return fgmix.train(replace(killed, run_dir=str(tmp_path / "run"), resume=True, **changes))

    return call


@pytest.mark.slow
def test_a_run_killed_before_its_evaluation_goes_on_from_there(resume, tmp_path, monkeypatch):
    run = tmp_path / "run"
    assert "metrics.json" not in names(run)
    before = (run / "history.csv").read_text()
    seen = []

    def remember(path, value):
        seen.append((path, names(run)))
        write_json(path, value)

    monkeypatch.setattr(experiment, "write_json", remember)
    result = resume()
    assert result.directory == run
    assert result.metrics == json.loads((run / "metrics.json").read_text())
    assert (run / "history.csv").read_text() == before
    assert "checkpoint.npz" not in names(run)
    # metrics.json comes last: it marks the run as finished.
    [(path, earlier)] = seen
    assert path == run / "metrics.json"
    assert {"1", "model.keras", "predictions.csv"} <= set(earlier)


@pytest.mark.slow
def test_validation_has_columns_of_its_own_and_images_from_the_training_split(killed):
    run = Path(killed.run_dir)
    assert list(read_history(run)[0]) == [
        "epoch",
        "loss",
        "accuracy",
        "val_loss",
        "val_accuracy",
        "lr_backbone",
        "lr_head",
        "seconds",
        "images_per_second",
    ]
    record = json.loads((run / "config.json").read_text())
    assert record["data"]["num_images"] == {"train": 18, "test": 12, "val": 6}


def test_resuming_with_another_model_is_refused_and_changes_nothing(resume, tmp_path):
    before = (tmp_path / "run" / "config.json").read_text()
    with pytest.raises(FgmixError) as caught:
        resume(attention="none")
    assert len(str(caught.value).splitlines()) == 1
    assert (tmp_path / "run" / "config.json").read_text() == before


@pytest.mark.slow
@pytest.mark.parametrize(
    "steps",
    [
        {"epochs": 2},
        # One step: its loss is still a number, and the weights that it leaves are not.
        {"epochs": 1, "batch_size": TRAIN * len(CLASSES)},
    ],
    ids=["while training", "at the last step"],
)
def test_a_diverged_run_is_one_line_and_no_model(photos, tmp_path, steps):
    with pytest.raises(FgmixError, match="diverged") as caught:
        fgmix.train(small_config(photos, tmp_path / "run", head_lr=1e30, **steps))
    assert len(str(caught.value).splitlines()) == 1
    assert "--head-lr" in str(caught.value)
    assert not {"metrics.json", "model.keras", "predictions.csv", "1"} & set(
        names(tmp_path / "run")
    )


@pytest.mark.parametrize(
    "problem",
    [{"weights": "imagenet"}, {"image_size": 15}, {"dataset": "missing"}, {"gate": "relu"}],
)
def test_a_refused_experiment_leaves_nothing(photos, tmp_path, problem):
    with pytest.raises(FgmixError):
        fgmix.train(small_config(photos, tmp_path / "run", **problem))
    assert list(tmp_path.iterdir()) == []


def test_nothing_else_is_public():
    functions = ["check", "compare", "evaluate", "explain", "export", "open_run"]
    functions += ["predict", "train"]
    classes = ["FgmixError", "Prediction", "Run", "TrainConfig"]
    assert sorted(fgmix.__all__) == sorted([*functions, *classes, "layers", "models"])
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        fgmix.trian  # noqa: B018
