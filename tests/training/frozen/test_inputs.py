"""Recipe frozen: training on stored features is equivalent to running the backbone."""

import json
import shutil
from dataclasses import replace

import keras
import numpy as np
import pytest

import fgmix
from fgmix.data.pipeline import evaluation_batches
from fgmix.data.sources.registry import load_dataset
from fgmix.errors import FgmixError
from fgmix.models.split import split_model
from fgmix.training.callbacks import EpochLog
from fgmix.training.frozen.inputs import feature_inputs, view_inputs
from fgmix.training.stages import fit_stages
from fgmix.training.trainer import build_model, fit
from tests.trained_runs import read_history, small_config

SIZES = {"image_size": 32, "batch_size": 12}


def frozen_config(photos, run_dir, **changes):
    settings = {"recipe": "frozen", "views": 3, "val_fraction": 0.0, "attention": "mixed"}
    return small_config(photos, run_dir, **(settings | changes)).resolve()


@pytest.fixture(autouse=True)
def data_folder(tmp_path, monkeypatch):
    """Returns the folder of this test's features."""
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    return tmp_path / "tfds"


@pytest.mark.slow
@pytest.mark.parametrize("attention", ["none", "mixed"])
def test_both_feeds_give_the_same_images_in_the_same_views(photos, tmp_path, attention):
    config = frozen_config(photos, tmp_path, attention=attention)
    dataset = load_dataset(config.dataset)
    model = build_model(config, 3, "float32")
    parts = split_model(model)
    _, stored = feature_inputs(model, config, dataset)
    live = view_inputs(config, dataset)
    assert (stored.steps_per_epoch, stored.batch_size) == (live.steps_per_epoch, live.batch_size)
    pairs = list(zip(stored.training(1), live.training(1), strict=True))
    assert len(pairs) == 2 * stored.steps_per_epoch - 1
    for (features, labels), (images, expected_labels) in pairs:
        expected = np.asarray(parts.backbone(images, training=False))
        if parts.takes_means:
            expected = expected.mean(axis=(1, 2), keepdims=True)
        np.testing.assert_array_equal(labels, expected_labels)
        np.testing.assert_allclose(features, expected, rtol=2e-3, atol=1e-3)  # float16's


@pytest.mark.slow
@pytest.mark.parametrize("attention", ["none", "mixed"])
def test_training_on_features_is_training_with_the_backbone_run(photos, tmp_path, attention):
    config = frozen_config(photos, tmp_path, attention=attention, epochs=3, head_lr=1e-3)
    dataset = load_dataset(config.dataset)
    once, each_time = (build_model(config, 3, "float32") for _ in range(2))
    rows = fit_stages(once, config, dataset, tmp_path).history
    for layer in split_model(each_time).backbone.layers:
        layer.trainable = False
    (tmp_path / "slow").mkdir()
    slow = fit(each_time, config, view_inputs(config, dataset), tmp_path / "slow")
    np.testing.assert_allclose([r["loss"] for r in rows], [r["loss"] for r in slow], rtol=2e-3)
    # Not weight by weight: BatchNorm leaves some biases without a gradient, and of the rounding
    # that is left AdamW makes whole steps.
    images = np.concatenate([x for x, _ in evaluation_batches(dataset, "test", **SIZES)])
    answers = [np.asarray(model(images, training=False)) for model in (once, each_time)]
    fresh = np.asarray(build_model(config, 3, "float32")(images, training=False))
    learnt = np.abs(answers[0] - fresh).max()
    assert learnt > 0.01
    assert np.abs(answers[0] - answers[1]).max() < 0.05 * learnt


@pytest.mark.slow
def test_a_run_trains_the_head_alone_and_saves_the_whole(photos, tmp_path):
    config = frozen_config(photos, tmp_path / "run", val_fraction=0.25, monitor_test=True, epochs=4)
    fgmix.train(config)
    rows = read_history(tmp_path / "run")
    assert {row["lr_backbone"] for row in rows} == {"0.0"}
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])
    # Measured on features, the head gives the outputs of the whole model.
    metrics = json.loads((tmp_path / "run/metrics.json").read_text())
    assert float(rows[-1]["test_accuracy"]) == pytest.approx(metrics["top1"])
    assert float(rows[-1]["test_loss"]) == pytest.approx(metrics["loss"], rel=2e-3)
    assert not (tmp_path / "run/checkpoint.npz").exists()
    trained = keras.models.load_model(tmp_path / "run/model.keras", compile=False)
    fresh = build_model(config, 3, "float32")
    for one, other in zip(
        split_model(trained).backbone.variables, split_model(fresh).backbone.variables, strict=True
    ):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_finetuning_goes_on_with_the_whole_network_and_can_be_resumed(
    photos, tmp_path, monkeypatch
):
    config = frozen_config(photos, tmp_path / "run", attention="none", finetune_epochs=2)
    dataset = load_dataset(config.dataset)
    (tmp_path / "whole").mkdir()
    begin = EpochLog.on_epoch_begin

    def begin_and_copy(self, epoch, logs=None):
        # As after a kill between the two stages, and one epoch later.
        if epoch in (2, 3):
            shutil.copytree(tmp_path / "whole", tmp_path / f"killed after {epoch}")
        begin(self, epoch, logs)

    monkeypatch.setattr(EpochLog, "on_epoch_begin", begin_and_copy)
    whole = build_model(config, 3, "float32")
    before = [np.asarray(variable) for variable in split_model(whole).backbone.variables]
    rows = fit_stages(whole, config, dataset, tmp_path / "whole").history
    monkeypatch.setattr(EpochLog, "on_epoch_begin", begin)
    after = [np.asarray(variable) for variable in split_model(whole).backbone.variables]
    assert any(np.any(one != other) for one, other in zip(before, after, strict=True))
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    assert [row["lr_backbone"] > 0 for row in rows] == [False, False, False, True]  # warm-up
    assert rows[3]["lr_head"] == rows[3]["lr_backbone"] == pytest.approx(config.backbone_lr)

    exact = ("epoch", "loss", "accuracy", "lr_backbone", "lr_head")
    for epoch in (2, 3):
        directory = tmp_path / f"killed after {epoch}"
        assert [row["epoch"] for row in read_history(directory)] == ["1", "2", "3"][:epoch]
        model = build_model(config, 3, "float32")
        resumed = fit_stages(model, replace(config, resume=True), dataset, directory).history
        assert [[r[k] for k in exact] for r in resumed] == [[r[k] for k in exact] for r in rows]
        assert [row["epoch"] for row in read_history(directory)] == ["1", "2", "3", "4"]
        for one, other in zip(whole.variables, model.variables, strict=True):
            np.testing.assert_array_equal(one, other, err_msg=one.path)


@pytest.mark.slow
def test_a_run_does_not_go_on_with_a_backbone_of_other_weights(photos, tmp_path):
    config = frozen_config(photos, tmp_path, epochs=1)
    dataset = load_dataset(config.dataset)
    rows = fit_stages(build_model(config, 3, "float32"), config, dataset, tmp_path).history
    resumed = replace(config, resume=True)
    other = build_model(replace(config, seed=1), 3, "float32")
    with pytest.raises(FgmixError, match=r"its backbone had other weights; give the same --weigh"):
        fit_stages(other, resumed, dataset, tmp_path)
    same = build_model(config, 3, "float32")
    assert fit_stages(same, resumed, dataset, tmp_path).history == rows


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"recipe": "frozen", "views": 0}, "--views 0"),
        ({"recipe": "strong", "views": 2}, "--views needs recipe frozen"),
        ({"recipe": "paper", "finetune_epochs": 2}, "--finetune-epochs needs recipe frozen"),
    ],
)
def test_flags_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(FgmixError, match=message):
        fgmix.TrainConfig(dataset="cars", **settings).resolve()
