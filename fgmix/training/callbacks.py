"""Keras callbacks of a run: history, validation, checkpoints, and the check for divergence."""

import math
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from fgmix.errors import FgmixError
from fgmix.failpoints import failpoint
from fgmix.files import write_csv, write_text
from fgmix.training.checkpoint import Progress, save_checkpoint
from fgmix.training.distributed.distribution import Distribution
from fgmix.training.inputs import Inputs, Measured
from fgmix.training.interrupts import Interrupted, InterruptRequest
from fgmix.training.losses import cross_entropy

MEASURED = [f"{part}{name}" for part in ("", "val_", "test_") for name in ("loss", "accuracy")]
SHARE = 0.02
"""The largest share of a run's time that checkpoints take by default."""


class Monitor(keras.callbacks.Callback):
    """Adds a split's loss and accuracy to an epoch's logs. Must come before `EpochLog`.

    Every image counts once, whatever the batches and the number of devices.

    Args:
        split: The split's name.
        measured: The batches and labels of the split.
        distribution: The devices and processes that run the model.
    """

    def __init__(self, split: str, measured: Measured, distribution: Distribution):
        super().__init__()
        self.split = split
        self.measured = measured
        self.distribution = distribution

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Measures the split with the current weights."""
        labels = self.measured.labels
        predictions = self.distribution.predict(self.model, self.measured.batches)[: len(labels)]
        failpoint("validation")
        correct = predictions.argmax(axis=1) == labels.argmax(axis=1)
        if logs is not None:
            # The cross-entropy of `metrics.json`, without the smoothing of the training loss.
            logs[f"{self.split}_loss"] = cross_entropy(predictions, labels.argmax(axis=1))
            logs[f"{self.split}_accuracy"] = float(np.mean(correct))


class RunProgress(keras.callbacks.ProgbarLogger):
    """Keras's progress bar, which counts the epochs of the run instead of one call of `fit`.

    Must come last, so that it shows what the other callbacks have measured.

    Args:
        epochs: The run's last epoch, counted from 1.
    """

    def __init__(self, epochs: int):
        super().__init__()
        self.last_epoch = epochs

    def set_params(self, params: dict) -> None:
        """Replaces the number of epochs of `fit` by that of the run."""
        super().set_params(params | {"epochs": self.last_epoch})


class AgreeOnInterrupt(keras.callbacks.Callback):
    """Shares a request to stop among all processes, after every step.

    Must come before `Checkpoint`, which acts on it.
    """

    def __init__(self, request: InterruptRequest, distribution: Distribution):
        super().__init__()
        self.request = request
        self.distribution = distribution

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Asks all processes."""
        self.request.agreed = self.distribution.first_signal(self.request.number)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Asks all processes."""
        self.request.agreed = self.distribution.first_signal(self.request.number)


class EpochLog(keras.callbacks.Callback):
    """Counts the run's steps and rewrites `history.csv` with one row per epoch.

    Columns: `epoch` (from 1), `loss`, `accuracy`, `val_*`, `test_*`, `lr_backbone` and `lr_head`
    (the learning rates of the epoch's first step), `seconds` (training steps without validation)
    and `images_per_second`. Without a path it writes nothing.
    """

    def __init__(
        self,
        path: Path | None,
        progress: Progress,
        schedules: dict,
        inputs: Inputs,
        epochs_before: int = 0,
    ):
        super().__init__()
        self.path = path
        self.progress = progress
        self.schedules = schedules
        self.inputs = inputs
        self.epochs_before = epochs_before

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Starts the clock and restores the metrics of an interrupted epoch."""
        self._began = time.perf_counter() - self.progress.seconds
        if self.progress.metrics:
            stored = self.progress.metrics
            for variable, value in zip(self.model.metrics_variables, stored, strict=True):
                variable.assign(value)
            self.progress.metrics = []

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Marks a failpoint for tests."""
        failpoint("step")

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Counts the step and its time, so that validation is not counted."""
        self.progress.seconds = time.perf_counter() - self._began
        self.progress.step += 1

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Adds the epoch's row."""
        seconds = self.progress.seconds
        step = (epoch - self.epochs_before) * self.inputs.steps_per_epoch
        logs = logs or {}
        row = {"epoch": epoch + 1, **{k: float(logs[k]) for k in MEASURED if k in logs}}
        for group, schedule in self.schedules.items():
            row[f"lr_{group}"] = float(schedule(step))
        row["seconds"] = seconds
        row["images_per_second"] = self.inputs.steps_per_epoch * self.inputs.batch_size / seconds
        self.progress.rows.append(row)
        self.progress.seconds = 0.0
        if self.path is not None:
            write_history(self.path, self.progress.rows)


def write_history(path: Path, rows: list[dict]) -> None:
    """Writes the rows with the columns of the last one: a resumed run may measure other splits."""
    write_csv(path, list(rows[-1]), rows)


class Divergence(keras.callbacks.Callback):
    """Stops a run whose loss is not finite and names the images of that step.

    Args:
        path: The file to list the images in; None for none.
        progress: The run's progress.
        inputs: The run's inputs.
    """

    def __init__(self, path: Path | None, progress: Progress, inputs: Inputs):
        super().__init__()
        self.path = path
        self.progress = progress
        self.inputs = inputs

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Checks the loss.

        Raises:
            FgmixError: If it is not finite.
        """
        loss = float((logs or {})["loss"])
        if math.isfinite(loss):
            return
        step = self.progress.step
        names = self.inputs.names(step - 1)
        if self.path is not None:
            write_text(self.path, "".join(f"{name}\n" for name in names))
        batch_in_words = f"; its batch: {', '.join(names[:3])}" if names else ""
        if names[3:]:
            batch_in_words += f" and {len(names) - 3} more"
        if names[3:] and self.path is not None:
            batch_in_words += f", listed in {self.path}"
        raise FgmixError(
            f"training diverged in epoch {len(self.progress.rows) + 1}, at step {step}: the loss "
            f"is no longer a number; lower --backbone-lr and --head-lr, and look at the "
            f"photos{batch_in_words}"
        )


class Checkpoint(keras.callbacks.Callback):
    """Saves checkpoints. Must come after `EpochLog`, whose progress it stores.

    Args:
        directory: The run's folder; None in a process that doesn't write it.
        progress: The run's progress.
        inputs: The run's inputs, which are checked before every save.
        last_step: The run's number of steps; the last one is always saved.
        every: The smallest number of steps between two checkpoints. None saves after an epoch, if
            the last checkpoint took at most `SHARE` of the time since.
        request: Whether to save after this step and stop.
        clock: Returns the time in seconds.
    """

    def __init__(
        self,
        directory: Path | None,
        progress: Progress,
        inputs: Inputs,
        last_step: int,
        every: int | None,
        request: InterruptRequest,
        clock: Callable[[], float] = time.perf_counter,
    ):
        super().__init__()
        self.directory = directory
        self.progress = progress
        self.inputs = inputs
        self.last_step = last_step
        self.every = every
        self.request = request
        self.clock = clock
        self._saved_step = progress.step
        self._saved_at: float | None = None
        self._cost = 0.0

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Saves within an epoch, if a checkpoint is due or the run is to stop."""
        if self.progress.step % self.inputs.steps_per_epoch == 0:
            return  # after the last step of an epoch, save after validation
        if self.request.agreed is not None or (self.every and self._due(self.every)):
            self._save()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Saves after an epoch, if a checkpoint is due or the run is to stop."""
        due = self._due(self.every) if self.every else self._affordable()
        if due or self.request.agreed is not None or self.progress.step >= self.last_step:
            self.model.reset_metrics()  # the next epoch starts from zero
            self._save()

    def _due(self, every: int) -> bool:
        return self.progress.step - self._saved_step >= every

    def _affordable(self) -> bool:
        return self._saved_at is None or self._cost <= SHARE * (self.clock() - self._saved_at)

    def _save(self) -> None:
        self.inputs.check()
        began = self.clock()
        if self.directory is not None:
            save_checkpoint(self.directory, self.model, self.progress)
        self._saved_step, self._saved_at = self.progress.step, self.clock()
        self._cost = self._saved_at - began
        if self.request.agreed is not None:
            saved = f"up to step {self.progress.step} of {self.last_step}"
            raise Interrupted(self.request.agreed, saved)
