"""What is kept of every epoch: a row of history and a checkpoint."""

import math
import time
from collections.abc import Sequence
from pathlib import Path

import keras
import tensorflow as tf

from fgmix.files import write_csv
from fgmix.training.checkpoint import save_checkpoint
from fgmix.training.feed import Feed

MEASURED = [f"{part}{name}" for part in ("", "val_", "test_") for name in ("loss", "accuracy")]


class Monitor(keras.callbacks.Callback):
    """Adds a split's loss and accuracy to an epoch's logs. Comes before `EpochLog`."""

    def __init__(self, split: str, batches: tf.data.Dataset):
        super().__init__()
        self.split = split
        self.batches = batches

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Measures the split with the weights as they are."""
        measured = self.model.evaluate(self.batches, verbose=0, return_dict=True)
        if logs is not None:
            logs.update({f"{self.split}_{name}": value for name, value in measured.items()})


class EpochLog(keras.callbacks.Callback):
    """Collects a row an epoch and rewrites `history.csv` with it.

    Columns: `epoch` (from 1), `loss`, `accuracy`, `val_*`, `test_*`, `lr_backbone` and `lr_head`
    (the rates at the epoch's first step), `seconds` (training steps only, validation left out)
    and `images_per_second`.
    """

    def __init__(self, path: Path, schedules: dict, feed: Feed, before: Sequence[dict] = ()):
        super().__init__()
        self.path = path
        self.schedules = schedules
        self.feed = feed
        self.epochs_before = len(before)
        self.rows = list(before)

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Starts the clock."""
        self._began = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Stops the clock at the last step, before validation."""
        self._ended = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Adds the row."""
        step = (epoch - self.epochs_before) * self.feed.steps_per_epoch
        seconds = self._ended - self._began
        logs = logs or {}
        row = {"epoch": epoch + 1, **{k: float(logs[k]) for k in MEASURED if k in logs}}
        for group, schedule in self.schedules.items():
            row[f"lr_{group}"] = float(schedule(step))
        row["seconds"] = seconds
        row["images_per_second"] = self.feed.steps_per_epoch * self.feed.batch_size / seconds
        self.rows.append(row)
        # Columns of the last row: a run may measure more from where it is resumed, or less.
        write_csv(self.path, list(row), self.rows)


class Checkpoint(keras.callbacks.Callback):
    """Saves the state after every epoch. Comes after `EpochLog`, whose rows it stores."""

    def __init__(self, path: Path, history: EpochLog, classifier: keras.Model):
        super().__init__()
        self.path = path
        self.history = history
        self.classifier = classifier

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Writes the checkpoint, unless there is nothing good to go on from."""
        if not math.isfinite(self.history.rows[-1]["loss"]):
            return
        save_checkpoint(self.path, self.classifier, self.model.optimizer, self.history.rows)
