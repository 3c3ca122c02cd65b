"""Checkpoints: exact, complete, and refused if they belong to another model."""

import logging
from pathlib import Path

import keras
import numpy as np
import pytest

from fgmix.config.train_config import TrainConfig
from fgmix.errors import FgmixError
from fgmix.training import callbacks
from fgmix.training.callbacks import Checkpoint
from fgmix.training.checkpoint import (
    CHECKPOINT,
    PREVIOUS,
    Progress,
    restore_checkpoint,
    save_checkpoint,
)
from fgmix.training.inputs import Inputs
from fgmix.training.interrupts import InterruptRequest
from fgmix.training.optimizer import build_optimizer

ROWS = [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.1 + 0.2}]


def compiled(seed=0, units=4, recipe="paper", dtype="float32"):
    """Returns a small model with every kind of state: kernels, averages, a random generator."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((3,))
    x = keras.layers.Dense(units, name="body", dtype=dtype)(inputs)
    x = keras.layers.BatchNormalization(name="body_bn", dtype=dtype)(x)
    x = keras.layers.Dropout(0.5, name="dropout", dtype=dtype)(x)
    model = keras.Model(inputs, keras.layers.Dense(2, name="logits", dtype=dtype)(x))
    config = TrainConfig(dataset="demo", recipe=recipe, epochs=4).resolve()
    optimizer = build_optimizer(model, config, 2)
    model.compile(optimizer, "mse", metrics=["mae"])
    return model


def progress(step=5):
    return Progress(step, 1.5, ROWS)


def step(model, count=2):
    rng = np.random.default_rng(0)
    for _ in range(count):
        model.train_on_batch(rng.normal(size=(8, 3)), rng.normal(size=(8, 2)))


def state(model):
    return [np.asarray(v).copy() for v in [*model.variables, *model.optimizer.variables]]


@pytest.fixture
def saved(tmp_path):
    """Returns a folder with the checkpoints after steps 2 and 4, and the state at each."""
    model, states = compiled(), {}
    for done in (2, 4):
        step(model)
        save_checkpoint(tmp_path, model, progress(done))
        states[done] = state(model)
    return tmp_path, states


def names(directory):
    return sorted(path.name for path in directory.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["paper", "strong"])
@pytest.mark.parametrize("dtype", ["float32", "mixed_float16"])
def test_another_model_goes_on_exactly_where_the_first_was(tmp_path, recipe, dtype):
    first, second = (compiled(seed, recipe=recipe, dtype=dtype) for seed in (0, 1))
    step(first)
    save_checkpoint(tmp_path, first, progress())
    restored = restore_checkpoint(tmp_path, second)
    assert (restored.step, restored.seconds, restored.rows) == (5, 1.5, ROWS)
    sums = [np.asarray(variable) for variable in first.metrics_variables]
    assert len(sums) == 4  # a sum and a count, of loss and accuracy each
    for one, other in zip(sums, restored.metrics, strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(state(first)) == len(state(second))
    step(first)
    step(second)
    for one, other in zip(state(first), state(second), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_last_two_checkpoints_are_kept(saved):
    directory, _ = saved
    assert names(directory) == [PREVIOUS, CHECKPOINT]
    save_checkpoint(directory, compiled(), progress())
    assert names(directory) == [PREVIOUS, CHECKPOINT]


def test_a_failed_save_keeps_the_last_checkpoints(saved, monkeypatch):
    directory, _ = saved
    before = {path.name: path.read_bytes() for path in directory.iterdir()}

    def fail(file, **arrays):
        Path(file).write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez", fail)
    with pytest.raises(OSError, match="disk full"):
        save_checkpoint(directory, compiled(), progress())
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == before


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_not_saved(saved, value):
    directory, _ = saved
    before = (directory / CHECKPOINT).read_bytes()
    model = compiled()
    kernel = np.ones((3, 4), np.float32)
    kernel[1, 1] = value
    model.get_layer("body").kernel.assign(kernel)
    with pytest.raises(FgmixError, match=r"diverged.*step 5.*--head-lr"):
        save_checkpoint(directory, model, progress())
    assert (directory / CHECKPOINT).read_bytes() == before


def test_a_run_without_checkpoints_begins_at_its_start(tmp_path):
    assert restore_checkpoint(tmp_path, compiled()) == Progress()


def half(content):
    return content[: len(content) // 2]


def a_hole(content):
    middle = len(content) // 2
    return content[:middle] + bytes(64) + content[middle + 64 :]


@pytest.mark.slow
@pytest.mark.parametrize(
    "damage",
    [
        half,
        a_hole,
        lambda content: b"",
        lambda content: b"PK\x03\x04",
        lambda content: b"not an archive",
        lambda content: content[:-10],
    ],
    ids=["half", "a hole", "empty", "a zip's first bytes", "text", "end missing"],
)
def test_a_damaged_checkpoint_is_told_and_the_one_before_it_taken(saved, damage, caplog):
    directory, states = saved
    newest = directory / CHECKPOINT
    newest.write_bytes(damage(newest.read_bytes()))
    model = compiled(seed=1)
    with caplog.at_level(logging.WARNING, "fgmix"):
        assert restore_checkpoint(directory, model).step == 2
    assert f"{newest} is damaged" in caplog.text
    assert "the checkpoint before it" in caplog.text
    for one, other in zip(states[2], state(model), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_no_changed_byte_goes_unnoticed(saved):
    directory, states = saved
    newest = directory / CHECKPOINT
    whole = newest.read_bytes()
    rng, taken, model = np.random.default_rng(0), {2: 0, 4: 0}, compiled(seed=1)
    for place in rng.integers(0, len(whole), 60):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << rng.integers(8)
        newest.write_bytes(damaged)
        done = restore_checkpoint(directory, model).step
        taken[done] += 1
        # A byte that is never read may differ; then all that is read is correct.
        for one, other in zip(states[done], state(model), strict=True):
            np.testing.assert_array_equal(one, other)
    assert taken[2] > 30


def test_a_missing_newest_is_the_one_before(saved):
    directory, _ = saved
    (directory / CHECKPOINT).unlink()  # as after a kill between two renames
    assert restore_checkpoint(directory, compiled()).step == 2


def test_without_a_whole_checkpoint_it_is_one_line(saved):
    directory, _ = saved
    for path in directory.iterdir():
        path.write_bytes(half(path.read_bytes()))
    model = compiled()
    before = state(model)
    with pytest.raises(FgmixError, match=r"damaged.*--overwrite") as caught:
        restore_checkpoint(directory, model)
    assert str(directory / CHECKPOINT) in str(caught.value)
    assert str(directory / PREVIOUS) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    for old, new in zip(before, state(model), strict=False):
        np.testing.assert_array_equal(old, new)


def test_an_array_file_of_something_else_is_one_line(tmp_path):
    np.savez(tmp_path / CHECKPOINT, x=np.zeros(3))
    with pytest.raises(FgmixError, match="damaged"):
        restore_checkpoint(tmp_path, compiled())


@pytest.mark.parametrize("other", [{"units": 5}, {"recipe": "strong"}])
def test_the_checkpoint_of_another_model_or_optimizer_is_refused(saved, other):
    directory, _ = saved
    model = compiled(**other)
    before = [np.asarray(v).copy() for v in model.variables]
    with pytest.raises(FgmixError, match="another model") as caught:
        restore_checkpoint(directory, model)
    assert str(directory / CHECKPOINT) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    for old, new in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(old, np.asarray(new))


def saved_steps(monkeypatch, every, epoch_seconds=1.0, save_seconds=0.0, epochs=6):
    """Returns the steps after which a run of 10 steps per epoch is saved, with a fake clock."""
    now, steps = [0.0], []

    def save(directory, model, state):
        steps.append(state.step)
        now[0] += save_seconds

    monkeypatch.setattr(callbacks, "save_checkpoint", save)
    inputs, state = Inputs(2, 10, lambda step: None, {}), Progress()
    last = 10 * epochs
    checkpoint = Checkpoint(Path(), state, inputs, last, every, InterruptRequest(), lambda: now[0])
    checkpoint.set_model(compiled())
    for epoch in range(epochs):
        for batch in range(10):
            state.step += 1
            now[0] += epoch_seconds / 10
            checkpoint.on_train_batch_end(batch)
        checkpoint.on_epoch_end(epoch)
    return steps


def test_a_run_is_saved_after_every_epoch(monkeypatch):
    steps = saved_steps(monkeypatch, None, save_seconds=0.019)
    assert steps == [10, 20, 30, 40, 50, 60]


def test_where_saving_would_take_too_long_it_is_done_less_often(monkeypatch):
    # 0.05 s are 2 % of 2.5 epochs. The first is saved to measure its cost, the last always.
    steps = saved_steps(monkeypatch, None, save_seconds=0.05)
    assert steps == [10, 40, 60]


@pytest.mark.parametrize(
    ("every", "expected"),
    [
        (4, [4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60]),
        (25, [25, 50, 60]),
        (1000, [60]),
    ],
)
def test_a_run_is_saved_as_often_as_asked(monkeypatch, every, expected):
    assert saved_steps(monkeypatch, every, save_seconds=9.0) == expected


def test_a_checkpoint_of_another_version_is_told_as_such(saved):
    directory, _ = saved
    with (directory / CHECKPOINT).open("wb") as file:
        np.savez(file, history=np.array("[]"), v0=np.zeros(3))
    with pytest.raises(FgmixError, match="of another version of fgmix"):
        restore_checkpoint(directory, compiled())
