"""Progressive resizing: the sizes of the epochs, one schedule, and one trace per size."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from fgmix.config.recipes import RECIPES
from fgmix.config.train_config import TrainConfig
from fgmix.data.sources.registry import load_dataset
from fgmix.training.ema import TrainedModel
from fgmix.training.inputs import image_inputs
from fgmix.training.progressive_resizing import (
    Phase,
    Span,
    phase_at,
    remaining_spans,
    resize_phases,
)
from fgmix.training.trainer import build_model, fit
from tests.trained_runs import small_config


def parts(share, scale, **settings):
    settings = {"epochs": 10, "image_size": 224, "backbone": "mobilenet_v2"} | settings
    settings |= {"progressive_share": share, "progressive_scale": scale}
    return resize_phases(TrainConfig(dataset="cars", recipe="strong", **settings).resolve())


@pytest.mark.parametrize(
    ("share", "scale", "settings", "expected"),
    [
        (0.0, 0.5, {}, [Phase(0, 10, 224)]),
        (0.7, 1.0, {}, [Phase(0, 10, 224)]),
        (0.7, 0.57, {}, [Phase(0, 7, 128), Phase(7, 10, 224)]),
        (0.7, 0.57, {"epochs": 20}, [Phase(0, 14, 128), Phase(14, 20, 224)]),
        (0.7, 0.57, {"epochs": 1}, [Phase(0, 1, 224)]),
        (0.7, 0.57, {"pooling": "flatten"}, [Phase(0, 10, 224)]),
        (0.3, 0.57, {"epochs": 1}, [Phase(0, 1, 224)]),
        (0.5, 0.1, {}, [Phase(0, 5, 32), Phase(5, 10, 224)]),
        (0.5, 0.01, {}, [Phase(0, 5, 32), Phase(5, 10, 224)]),
        (0.5, 0.01, {"backbone": "tiny"}, [Phase(0, 5, 16), Phase(5, 10, 224)]),
        (0.5, 0.9, {"image_size": 40}, [Phase(0, 5, 32), Phase(5, 10, 40)]),
        (0.5, 0.99, {"image_size": 80}, [Phase(0, 5, 64), Phase(5, 10, 80)]),
        (0.5, 1.0, {"image_size": 80}, [Phase(0, 10, 80)]),
        (0.5, 0.9, {"image_size": 32}, [Phase(0, 10, 32)]),
        (1.0, 0.5, {}, [Phase(0, 9, 128), Phase(9, 10, 224)]),
        (0.5, 0.57, {"backbone": "dinov2_small"}, [Phase(0, 5, 126), Phase(5, 10, 224)]),
        (0.5, 0.01, {"backbone": "dinov2_small"}, [Phase(0, 5, 14), Phase(5, 10, 224)]),
        (0.5, 0.65, {"backbone": "vit_base"}, [Phase(0, 5, 144), Phase(5, 10, 224)]),
    ],
)
def test_the_first_epochs_are_small(share, scale, settings, expected):
    assert parts(share, scale, **settings) == expected


def test_an_epoch_is_in_one_part():
    config = TrainConfig(
        dataset="cars", recipe="strong", epochs=4, progressive_share=0.5, progressive_scale=0.5
    ).resolve()
    sizes = [phase_at(config, epoch).image_size for epoch in range(6)]
    assert sizes == [128, 128, 224, 224, 224, 224]


def test_features_have_one_size():
    own = RECIPES["frozen"].replace(progressive_share=0.5)
    config = TrainConfig(dataset="cars", recipe=own).resolve()
    assert resize_phases(config) == [Phase(0, 30, 224)]


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (0, [Span(0, 2, 5, 32), Span(2, 4, 5, 64)]),
        (3, [Span(0, 1, 2, 32), Span(1, 2, 5, 32), Span(2, 4, 5, 64)]),
        (8, [Span(1, 2, 2, 32), Span(2, 4, 5, 64)]),
        (10, [Span(2, 4, 5, 64)]),
        (11, [Span(2, 3, 4, 64), Span(3, 4, 5, 64)]),
        (19, [Span(3, 4, 1, 64)]),
        (20, []),
    ],
)
def test_what_is_left_of_a_run(step, expected):
    spans = list(remaining_spans([Phase(0, 2, 32), Phase(2, 4, 64)], step, 5))
    assert spans == expected
    assert sum((span.last - span.first) * span.steps for span in spans) == 20 - step
    assert all(one.last == other.first for one, other in pairwise(spans))


@pytest.mark.slow
def test_a_run_of_two_sizes_has_one_schedule_and_is_measured_at_its_own_size(
    photos, tmp_path, monkeypatch, capsys
):
    recipe = RECIPES["strong"].replace(
        progressive_share=0.5, progressive_scale=0.5, label_smoothing=0.0, ema=0.5
    )
    traced, shapes = [], []
    step, measure = TrainedModel.train_step, TrainedModel.predict_step

    def train_step(self, data):
        traced.append(tuple(data[0].shape[1:3]))
        return step(self, data)

    def predict_step(self, data):
        shapes.append(tuple(data[0].shape[1:3]))
        return measure(self, data)

    monkeypatch.setattr(TrainedModel, "train_step", train_step)
    monkeypatch.setattr(TrainedModel, "predict_step", predict_step)
    settings = {"recipe": recipe, "image_size": 64, "epochs": 4, "attention": "none"}
    config = small_config(photos, tmp_path, **settings, val_fraction=0.0).resolve()
    dataset = load_dataset(config.dataset)
    dataset = replace(dataset, splits=dataset.splits | {"val": dataset.splits["test"]})
    model = build_model(config, 3, "float32")
    before = model.get_weights()
    rows = fit(model, config, image_inputs(config, dataset), tmp_path)
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Epoch")]
    assert told == [f"Epoch {epoch}/4" for epoch in range(1, 5)]
    # Nothing is traced again from epoch to epoch.
    assert traced == [(32, 32), (64, 64)]
    assert set(shapes) == {(64, 64)}
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    assert all("val_loss" in row for row in rows)
    one_size = TrainConfig(dataset="cars", recipe=recipe, epochs=4).resolve()
    assert len({row["lr_head"] for row in rows}) == 4
    assert rows[1]["lr_head"] == pytest.approx(one_size.head_lr)  # after one epoch of warm-up
    assert any(np.any(a != b) for a, b in zip(before, model.get_weights(), strict=True))

    # Resumed after the change of size, only the large size is traced.
    traced.clear()
    (tmp_path / "history.csv").unlink()
    longer = replace(config, epochs=8, resume=True)
    rows = fit(build_model(longer, 3, "float32"), longer, image_inputs(longer, dataset), tmp_path)
    assert traced == [(64, 64)]
    assert [row["epoch"] for row in rows] == list(range(1, 9))
