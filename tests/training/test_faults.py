"""Failures are explained in one line and leave an unfinished run that can be resumed."""

import errno
import shutil
import subprocess
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import fgmix
from fgmix import FgmixError, files
from fgmix.data.sources.folder import load_folder
from fgmix.files import alone
from fgmix.training.callbacks import Divergence
from fgmix.training.checkpoint import CHECKPOINT
from fgmix.training.faults import faults_explained
from fgmix.training.inputs import image_inputs
from tests.trained_runs import draw_photos, read_history, small_config

WRITES = [
    "config.json",
    "labels.txt",
    "splits.csv",
    "history.csv",
    CHECKPOINT,
    "model.keras",
    "predictions.csv",
    "1",
    "metrics.json",
]
"""The files that a run writes, in order."""


def refused(config):
    """Trains, expects an error and returns its one line; checks that the run is unfinished."""
    with pytest.raises(FgmixError) as caught:
        fgmix.train(config)
    assert len(str(caught.value).splitlines()) == 1
    assert not (Path(config.run_dir) / "metrics.json").exists()
    return str(caught.value)


@pytest.fixture
def own_photos(tmp_path):
    """Returns images that a test may change."""
    return draw_photos(tmp_path / "photos", {"train": 8, "test": 4})


@pytest.fixture
def small_disk(tmp_path):
    """Returns a folder on a separate disk of 48 megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=48m", "none", str(place)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("only root may mount a small disk")
    yield place
    # Lazily, because a failed write may keep a file open until its object is collected.
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.mark.slow
def test_a_disk_that_is_full_at_any_write_is_told_and_the_run_goes_on_from_there(
    small_disk, photos, monkeypatch
):
    config = small_config(photos, small_disk / "run", epochs=1)
    ballast = small_disk / "ballast"
    to_fill = []

    def fill(name):
        if to_fill and name == f"write {to_fill[0]}":
            with ballast.open("wb") as file, pytest.raises(OSError, match="No space left"):
                while True:
                    file.write(bytes(1 << 12))
                    file.flush()

    monkeypatch.setattr(files, "failpoint", fill)
    for name in WRITES:
        to_fill[:] = [name]
        begun = (small_disk / "run" / "config.json").exists()
        message = refused(replace(config, resume=begun))
        assert f"the disk of {config.run_dir} is full" in message, name
        assert "--resume" in message
        ballast.unlink()
        left = [path.name for path in (small_disk / "run").iterdir()]
        assert not [path for path in left if "partial" in path], name
    to_fill.clear()
    fgmix.train(replace(config, resume=True))
    assert len(read_history(small_disk / "run")) == 1


@pytest.mark.slow
def test_a_disk_that_becomes_read_only_is_told(photos, tmp_path, monkeypatch):
    def refuse(name):
        if name == f"write {CHECKPOINT}":
            raise OSError(errno.EROFS, "Read-only file system", str(tmp_path / "run" / CHECKPOINT))

    monkeypatch.setattr(files, "failpoint", refuse)
    message = refused(small_config(photos, tmp_path / "run", epochs=1))
    assert f"can't write to {tmp_path / 'run' / CHECKPOINT}: Read-only file system" in message
    assert "--resume" in message


def test_a_folder_that_may_not_be_written_to_is_told_before_any_image_is_read(
    small_disk, photos, monkeypatch
):
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    monkeypatch.setattr("fgmix.training.run_images.load_splits", None)
    message = refused(small_config(photos, small_disk / "run"))
    assert f"can't write to {small_disk}: Read-only file system" in message


@pytest.mark.parametrize(
    ("error", "parts"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), ["is full", "--resume"]),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), ["is full", "--resume"]),
        # The messages of h5py and TensorFlow.
        (OSError("Can't write data (errno = 28, 'No space left on device')"), ["is full"]),
        (
            tf.errors.ResourceExhaustedError(None, None, "1; No space left on device"),
            ["is full", "--resume"],
        ),
        (
            tf.errors.ResourceExhaustedError(None, None, "OOM when allocating\ntensor"),
            ["out of memory", "--batch-size 8", "--image-size 32", "--accumulate 2"],
        ),
        (OSError(errno.EROFS, "Read-only file system", "/run/x"), ["can't write to /run/x"]),
        (OSError(errno.EACCES, "Permission denied", "/run/x"), ["can't write to /run/x"]),
    ],
)
def test_what_libraries_say_becomes_one_line(photos, tmp_path, error, parts):
    config = small_config(photos, tmp_path / "run").resolve()
    with (
        pytest.raises(FgmixError) as caught,
        faults_explained(config, load_folder(photos)),
    ):
        raise error
    assert len(str(caught.value).splitlines()) == 1
    for part in parts:
        assert part in str(caught.value)


@pytest.mark.parametrize("error", [KeyError("x"), tf.errors.InvalidArgumentError(None, None, "x")])
def test_what_has_no_explanation_passes_unchanged(photos, tmp_path, error):
    config = small_config(photos, tmp_path / "run").resolve()
    with pytest.raises(type(error)) as caught, faults_explained(config, load_folder(photos)):
        raise error
    assert caught.value is error


def at_the_first_step(monkeypatch, act):
    """Runs an action after the first step of a run."""
    look = Divergence.on_train_batch_end

    def look_and_act(self, batch, logs=None):
        look(self, batch, logs)
        if self.progress.step == 1:
            act()

    monkeypatch.setattr(Divergence, "on_train_batch_end", look_and_act)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("act", "parts"),
    [
        (lambda file: file.unlink(), ["No such file or directory", "restore it"]),
        (lambda file: file.write_bytes(file.read_bytes()[:100]), ["can no longer be read"]),
    ],
    ids=["gone", "damaged"],
)
def test_a_image_that_is_lost_in_training_is_named(own_photos, tmp_path, monkeypatch, act, parts):
    # Batches are prefetched, so it takes an epoch or two to notice.
    photo = own_photos / "train" / "blue" / "photo0.png"
    at_the_first_step(monkeypatch, lambda: act(photo))
    message = refused(small_config(own_photos, tmp_path / "run", epochs=40, checkpoint_every=999))
    for part in (str(photo), "--resume", *parts):
        assert part in message


@pytest.mark.slow
def test_a_image_that_was_replaced_in_training_is_named_and_not_saved(
    own_photos, tmp_path, monkeypatch
):
    photo = own_photos / "train" / "blue" / "photo0.png"
    other = (own_photos / "train" / "red" / "photo2.png").read_bytes()
    at_the_first_step(monkeypatch, lambda: photo.write_bytes(other + b"\0"))
    message = refused(small_config(own_photos, tmp_path / "run", epochs=1))
    assert "train/blue/photo0.png (changed)" in message
    assert "--resume" in message
    assert not (tmp_path / "run" / CHECKPOINT).exists()


@pytest.mark.slow
def test_a_loss_that_is_no_number_names_the_batch_and_keeps_the_last_good_weights(
    photos, tmp_path, monkeypatch
):
    config = small_config(photos, tmp_path / "run", checkpoint_every=1).resolve()
    inputs = image_inputs(config, load_folder(photos))

    def poisoned(first_step):
        """Makes the images of the fifth step NaN."""

        def spoil(step, batch):
            images, labels = batch
            return tf.where(step + first_step == 4, np.nan, images), labels

        return inputs.training(first_step).enumerate().map(spoil)

    monkeypatch.setattr(
        "fgmix.training.stages.image_inputs", lambda *_: replace(inputs, training=poisoned)
    )
    message = refused(config)
    assert "diverged in epoch 2, at step 5" in message
    assert "--head-lr" in message
    listed = (tmp_path / "run" / "diverged.txt").read_text().splitlines()
    assert listed == inputs.names(4)
    assert ", ".join(listed[:3]) in message
    assert "and 5 more" in message
    with np.load(tmp_path / "run" / CHECKPOINT) as stored:
        assert '"step": 4' in str(stored["progress"])
        assert all(np.isfinite(stored[f"variable{i}"]).all() for i in range(50))


@pytest.mark.slow
def test_a_batch_is_made_of_the_images_that_it_is_said_to_be(photos, tmp_path):
    config = small_config(photos, tmp_path / "run").resolve()
    dataset = load_folder(photos)
    inputs = image_inputs(config, dataset)
    labels = dict(zip(dataset.splits["train"].paths, dataset.splits["train"].labels, strict=True))
    batches = list(inputs.training(0))
    assert len(batches) == 2 * inputs.steps_per_epoch
    for step, (_, one_hot) in enumerate(batches):
        assert [labels[name] for name in inputs.names(step)] == list(np.argmax(one_hot, axis=1))


def test_of_two_trainings_of_one_run_the_second_is_refused(photos, tmp_path):
    config = small_config(photos, tmp_path / "run")
    with ExitStack() as first:
        first.enter_context(alone(tmp_path / "run", ""))
        assert "is being trained by another process" in refused(config)
        assert "--run-dir" in refused(replace(config, overwrite=True))


def test_a_lock_that_was_left_by_a_killed_process_holds_nobody_up(photos, tmp_path):
    (tmp_path / ".run.lock").touch()
    (tmp_path / "run").mkdir()
    # Up to the check that follows the lock.
    message = refused(small_config(photos, tmp_path / "run", resume=True))
    assert "nothing to resume" in message
