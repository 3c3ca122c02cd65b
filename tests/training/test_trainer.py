"""Building and fitting a classifier."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from fgmix.data.sources.registry import load_dataset
from fgmix.evaluation.evaluate import evaluate
from fgmix.models.backbones.tiny import build_tiny
from fgmix.training import callbacks
from fgmix.training.inputs import image_inputs
from fgmix.training.trainer import build_model, fit
from tests.trained_runs import read_history, small_config


@pytest.mark.slow
@pytest.mark.parametrize(
    ("precision", "scaled"), [("float16", True), ("bfloat16", False), ("float32", False)]
)
def test_only_float16_scales_the_loss(photos, tmp_path, monkeypatch, precision, scaled):
    used = []
    monkeypatch.setattr(
        callbacks, "save_checkpoint", lambda _, model, progress: used.append(model.optimizer)
    )
    config = small_config(photos, tmp_path, epochs=1, precision=precision).resolve()
    model = build_model(config, 3, precision)
    rows = fit(model, config, image_inputs(config, load_dataset(config.dataset)), tmp_path)
    assert isinstance(used[0], keras.optimizers.LossScaleOptimizer) == scaled
    assert model.dtype_policy.name == (
        "float32" if precision == "float32" else f"mixed_{precision}"
    )
    assert rows[0]["loss"] < 10
    assert keras.config.dtype_policy().name == "float32"  # the session's policy is restored


@pytest.mark.slow
def test_monitoring_the_test_images_shows_them_and_changes_nothing(photos, tmp_path):
    weights, rows = [], []
    for monitor in (False, True):
        directory = tmp_path / str(monitor)
        directory.mkdir()
        config = small_config(photos, directory, monitor_test=monitor).resolve()
        model = build_model(config, 3, "float32")
        inputs = image_inputs(config, load_dataset(config.dataset))
        rows.append(fit(model, config, inputs, directory))
        weights.append(model.get_weights())
    for plain, monitored in zip(*weights, strict=True):
        np.testing.assert_array_equal(plain, monitored)
    names = {"test_loss", "test_accuracy"}
    assert [set(b) - set(a) for a, b in zip(*rows, strict=True)] == [names, names]
    found = evaluate(model, load_dataset(config.dataset), "test").metrics
    np.testing.assert_allclose(rows[1][-1]["test_accuracy"], found["top1"], rtol=1e-5)
    np.testing.assert_allclose(rows[1][-1]["test_loss"], found["loss"], rtol=1e-4)


@pytest.mark.slow
def test_a_run_may_be_monitored_from_where_it_is_resumed(photos, tmp_path):
    config = small_config(photos, tmp_path, epochs=2).resolve()
    dataset = load_dataset(config.dataset)
    fit(build_model(config, 3, "float32"), config, image_inputs(config, dataset), tmp_path)
    (tmp_path / "history.csv").unlink()
    longer = replace(config, epochs=3, resume=True, monitor_test=True)
    rows = fit(build_model(longer, 3, "float32"), longer, image_inputs(longer, dataset), tmp_path)
    assert ["test_accuracy" in row for row in rows] == [False, False, True]
    written = read_history(tmp_path)
    assert [row["test_accuracy"] != "" for row in written] == [False, False, True]
    assert [row["epoch"] for row in written] == ["1", "2", "3"]


@pytest.fixture
def pretrained(tmp_path):
    """Returns a weights file of the tiny backbone, including BatchNorm."""
    body = build_tiny(32)
    rng = np.random.default_rng(0)
    for layer in body.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([w + rng.uniform(0.1, 0.5, w.shape) for w in layer.get_weights()])
    body.save_weights(tmp_path / "tiny.weights.h5")
    return str(tmp_path / "tiny.weights.h5")


def changed_by_training(config):
    """Returns the model and the paths of the variables that a run changes."""
    model = build_model(config, 3, "float32")
    before = {v.path: np.asarray(v).copy() for v in model.variables}
    fit(model, config, image_inputs(config, load_dataset(config.dataset)), Path(config.run_dir))
    return model, {v.path for v in model.variables if np.any(before[v.path] != np.asarray(v))}


@pytest.mark.slow
def test_frozen_batch_norm_normalises_as_it_was_pretrained(
    photos, tmp_path, monkeypatch, pretrained
):
    config = small_config(
        photos,
        tmp_path,
        recipe="strong",
        val_fraction=0.0,
        weights=pretrained,
        bn="frozen",
        frozen_stride=0,
    ).resolve()
    model = build_model(config, 3, "float32")
    images = np.random.default_rng(0).uniform(0, 255, (4, 32, 32, 3)).astype("float32")
    features = keras.Model(model.input, model.get_layer("attention").input)
    np.testing.assert_array_equal(features(images, training=True), features(images))
    model, changed = changed_by_training(config)
    norms = [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]
    still = {v.path for x in norms if x.name != "head_bn" for v in x.variables}
    assert len(still) == 4 * 7
    assert not changed & still
    assert {"head_bn/gamma", "head_bn/moving_mean", "block1_conv1/kernel"} <= changed


def test_first_stages_stay_as_they_were_pretrained(photos, tmp_path, monkeypatch, pretrained):
    config = small_config(
        photos,
        tmp_path,
        recipe="strong",
        val_fraction=0.0,
        weights=pretrained,
        bn="train",
        frozen_stride=4,
    ).resolve()
    _, changed = changed_by_training(config)
    stages = {path.partition("_")[0] for path in changed if path.startswith("block")}
    assert stages == {"block4"}
    assert {"block4_conv1_bn/moving_mean", "block4_conv1/kernel", "head_fc/kernel"} <= changed


@pytest.mark.slow
def test_nothing_is_frozen_of_a_backbone_that_was_not_pretrained(photos, tmp_path, monkeypatch):
    config = small_config(
        photos, tmp_path, recipe="strong", val_fraction=0.0, bn="frozen", frozen_stride=8
    ).resolve()
    _, changed = changed_by_training(config)
    assert {"block1_conv1/kernel", "block1_conv1_bn/gamma"} <= changed
