"""What `fit` hands to the optimizer."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from fgmix.data.sources import load_dataset
from fgmix.evaluation.evaluate import evaluate
from fgmix.training import callbacks
from fgmix.training.feed import feed_photos
from fgmix.training.trainer import build_model, fit
from tests.runs import read_history, small_config


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
    rows = fit(model, config, feed_photos(config, load_dataset(config.dataset)), tmp_path)
    assert isinstance(used[0], keras.optimizers.LossScaleOptimizer) == scaled
    assert model.dtype_policy.name == (
        "float32" if precision == "float32" else f"mixed_{precision}"
    )
    assert rows[0]["loss"] < 10
    assert keras.config.dtype_policy().name == "float32"  # the session's own is put back


def test_monitoring_the_test_photos_shows_them_and_changes_nothing(photos, tmp_path):
    weights, rows = [], []
    for monitor in (False, True):
        directory = tmp_path / str(monitor)
        directory.mkdir()
        config = small_config(photos, directory, monitor_test=monitor).resolve()
        model = build_model(config, 3, "float32")
        feed = feed_photos(config, load_dataset(config.dataset))
        rows.append(fit(model, config, feed, directory))
        weights.append(model.get_weights())
    for plain, monitored in zip(*weights, strict=True):
        np.testing.assert_array_equal(plain, monitored)
    names = {"test_loss", "test_accuracy"}
    assert [set(b) - set(a) for a, b in zip(*rows, strict=True)] == [names, names]
    found = evaluate(model, load_dataset(config.dataset), "test").metrics
    np.testing.assert_allclose(rows[1][-1]["test_accuracy"], found["top1"], rtol=1e-5)
    np.testing.assert_allclose(rows[1][-1]["test_loss"], found["loss"], rtol=1e-4)


def test_a_run_may_be_monitored_from_where_it_is_resumed(photos, tmp_path):
    config = small_config(photos, tmp_path, epochs=2).resolve()
    dataset = load_dataset(config.dataset)
    fit(build_model(config, 3, "float32"), config, feed_photos(config, dataset), tmp_path)
    (tmp_path / "history.csv").unlink()
    longer = replace(config, epochs=3, resume=True, monitor_test=True)
    rows = fit(build_model(longer, 3, "float32"), longer, feed_photos(longer, dataset), tmp_path)
    assert ["test_accuracy" in row for row in rows] == [False, False, True]
    written = read_history(tmp_path)
    assert [row["test_accuracy"] != "" for row in written] == [False, False, True]
    assert [row["epoch"] for row in written] == ["1", "2", "3"]
