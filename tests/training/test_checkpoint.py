"""Checkpoints: exact, whole, and refused where they don't fit."""

import subprocess
import sys
import textwrap
from pathlib import Path

import keras
import numpy as np
import pytest

from fgmix.errors import FgmixError
from fgmix.training.checkpoint import load_checkpoint, save_checkpoint
from fgmix.training.config import TrainConfig
from fgmix.training.optimizer import build_optimizer, build_schedules
from tests.runs import read_history

ROWS = [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.1 + 0.2}]


def compiled(seed=0, units=4, recipe="paper", dtype="float32"):
    """A small model with every kind of state: kernels, averages, a random generator."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((3,))
    x = keras.layers.Dense(units, name="body", dtype=dtype)(inputs)
    x = keras.layers.BatchNormalization(name="body_bn", dtype=dtype)(x)
    x = keras.layers.Dropout(0.5, name="dropout", dtype=dtype)(x)
    model = keras.Model(inputs, keras.layers.Dense(2, name="logits", dtype=dtype)(x))
    config = TrainConfig(dataset="demo", recipe=recipe, epochs=4).resolve()
    model.compile(build_optimizer(model, config, build_schedules(config, 2)), "mse")
    return model


def step(model, count=2):
    rng = np.random.default_rng(0)
    for _ in range(count):
        model.train_on_batch(rng.normal(size=(8, 3)), rng.normal(size=(8, 2)))


def state(model):
    return [np.asarray(v).copy() for v in [*model.variables, *model.optimizer.variables]]


@pytest.fixture
def saved(tmp_path):
    model = compiled()
    step(model)
    save_checkpoint(tmp_path / "c.npz", model, model.optimizer, ROWS)
    return tmp_path / "c.npz"


@pytest.mark.parametrize("recipe", ["paper", "strong"])
@pytest.mark.parametrize("dtype", ["float32", "mixed_float16"])
def test_another_model_goes_on_exactly_where_the_first_was(tmp_path, recipe, dtype):
    first, second = (compiled(seed, recipe=recipe, dtype=dtype) for seed in (0, 1))
    step(first)
    save_checkpoint(tmp_path / "c.npz", first, first.optimizer, ROWS)
    assert load_checkpoint(tmp_path / "c.npz", second, second.optimizer) == ROWS
    assert len(state(first)) == len(state(second))
    step(first)
    step(second)
    for one, other in zip(state(first), state(second), strict=True):
        np.testing.assert_array_equal(one, other)


def test_nothing_is_left_beside_a_checkpoint(saved):
    model = compiled()
    save_checkpoint(saved, model, model.optimizer, ROWS)  # over the old one
    assert list(saved.parent.iterdir()) == [saved]


def test_a_failed_save_keeps_the_last_checkpoint(saved, monkeypatch):
    before = saved.read_bytes()

    def fail(file, **arrays):
        Path(file).write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez", fail)
    model = compiled()
    with pytest.raises(OSError, match="disk full"):
        save_checkpoint(saved, model, model.optimizer, ROWS)
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


def half(content):
    return content[: len(content) // 2]


def a_hole(content):
    middle = len(content) // 2
    return content[:middle] + bytes(64) + content[middle + 64 :]


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
def test_a_damaged_checkpoint_is_one_line(saved, damage):
    saved.write_bytes(damage(saved.read_bytes()))
    model = compiled()
    before = state(model)
    with pytest.raises(FgmixError, match="damaged") as caught:
        load_checkpoint(saved, model, model.optimizer)
    assert str(saved) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    for old, new in zip(before, state(model), strict=False):
        np.testing.assert_array_equal(old, new)


def test_an_array_file_of_something_else_is_one_line(saved):
    np.savez(saved, x=np.zeros(3))
    model = compiled()
    with pytest.raises(FgmixError, match="damaged"):
        load_checkpoint(saved, model, model.optimizer)


@pytest.mark.parametrize("other", [{"units": 5}, {"recipe": "strong"}])
def test_the_checkpoint_of_another_model_or_optimizer_is_refused(saved, other):
    model = compiled(**other)
    before = [np.asarray(v).copy() for v in model.variables]
    with pytest.raises(FgmixError, match="another model") as caught:
        load_checkpoint(saved, model, model.optimizer)
    assert str(saved) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    for old, new in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(old, np.asarray(new))


# In a process of its own, because determinism can't be switched off again.
SCRIPT = """
    import shutil, sys
    from pathlib import Path

    import tensorflow as tf

    import fgmix
    from fgmix import experiment
    from fgmix.training.callbacks import Checkpoint
    from tests.runs import small_config

    tf.config.experimental.enable_op_determinism()
    experiment.export_saved_model = lambda *args: None
    photos, out = Path(sys.argv[1]), Path(sys.argv[2])
    save = Checkpoint.on_epoch_end

    def train(name, stop=False, **settings):
        def save_and_stop(self, epoch, logs=None):
            save(self, epoch, logs)
            if epoch == 1:
                shutil.copytree(out / name, out / f"{name} after 2")
                if stop:
                    raise KeyboardInterrupt

        Checkpoint.on_epoch_end = save_and_stop
        fgmix.train(small_config(photos, out / name, epochs=4, val_fraction=0.25, **settings))

    train("whole")
    try:
        train("stopped", stop=True)
    except KeyboardInterrupt:
        train("stopped", resume=True)
"""


@pytest.fixture(scope="module")
def runs(photos, tmp_path_factory):
    """Two runs of 4 epochs: `whole`, and `stopped` after 2 and resumed; and both after 2."""
    out = tmp_path_factory.mktemp("resumed")
    command = [sys.executable, "-c", textwrap.dedent(SCRIPT), str(photos), str(out)]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return out


def weights(run):
    model = keras.models.load_model(run / "model.keras", compile=False)
    return [np.asarray(v) for v in model.variables]


@pytest.mark.slow
def test_a_resumed_run_ends_with_the_same_bits(runs):
    whole, resumed = weights(runs / "whole"), weights(runs / "stopped")
    assert len(whole) > 40
    for one, other in zip(whole, resumed, strict=True):
        np.testing.assert_array_equal(one, other)
    exact = ("epoch", "loss", "accuracy", "val_loss", "val_accuracy", "lr_backbone", "lr_head")
    one, other = read_history(runs / "whole"), read_history(runs / "stopped")
    assert [row["epoch"] for row in one] == ["1", "2", "3", "4"]
    assert [[row[k] for k in exact] for row in one] == [[row[k] for k in exact] for row in other]
    for name in ("metrics.json", "predictions.csv"):
        assert (runs / "whole" / name).read_text() == (runs / "stopped" / name).read_text()


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bits(runs):
    with (
        np.load(runs / "whole after 2" / "checkpoint.npz") as one,
        np.load(runs / "stopped after 2" / "checkpoint.npz") as other,
    ):
        assert one.files == other.files
        names = [name for name in one.files if name != "history"]
        assert len(names) > 80  # the optimizers' state too
        for name in names:
            np.testing.assert_array_equal(one[name], other[name])


@pytest.mark.slow
def test_a_stopped_run_leaves_its_last_epoch_and_nothing_half_written(runs):
    stopped = runs / "stopped after 2"
    assert sorted(p.name for p in stopped.iterdir()) == [
        "checkpoint.npz",
        "config.json",
        "history.csv",
        "labels.txt",
        "logs",
        "splits.csv",
    ]
    assert len(read_history(stopped)) == 2
    finished = {p.name for p in (runs / "stopped").iterdir()}
    assert "checkpoint.npz" not in finished
    assert "metrics.json" in finished
    assert not [name for name in finished if "partial" in name]
