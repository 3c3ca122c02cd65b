"""What is kept of every epoch and every step: a row of history, a checkpoint, and a watch."""

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

MEASURED = [f"{part}{name}" for part in ("", "val_", "test_") for name in ("loss", "accuracy")]
SHARE = 0.02
"""Of a run's time, the most that checkpoints take unless a number of steps is asked for."""


class Monitor(keras.callbacks.Callback):
    """Adds a split's loss and accuracy to an epoch's logs. Comes before `EpochLog`.

    Every photo counts once, whatever the batches are and however many devices share them.

    Args:
        split: The split's name.
        measured: What it holds.
        loss: Of one-hot labels and probabilities, a mean over the examples.
        distribution: What runs the model.
    """

    def __init__(
        self, split: str, measured: Measured, loss: keras.losses.Loss, distribution: Distribution
    ):
        super().__init__()
        self.split = split
        self.measured = measured
        self.loss = loss
        self.distribution = distribution

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Measures the split with the weights as they are."""
        labels = self.measured.labels
        answers = self.distribution.predict(self.model, self.measured.batches)[: len(labels)]
        failpoint("validation")
        correct = answers.argmax(axis=1) == labels.argmax(axis=1)
        if logs is not None:
            # Not the loss as a whole, which Keras divides among the devices of a strategy.
            losses = keras.ops.convert_to_numpy(self.loss.call(labels, answers))
            logs[f"{self.split}_loss"] = float(np.mean(losses, dtype=np.float64))
            logs[f"{self.split}_accuracy"] = float(np.mean(correct))


class RunProgress(keras.callbacks.ProgbarLogger):
    """Keras's progress, with epochs out of those of the run and not of one call of `fit`.

    Comes last, so that it tells what the others have measured.

    Args:
        epochs: The run's last epoch, counted from 1.
    """

    def __init__(self, epochs: int):
        super().__init__()
        self.last_epoch = epochs

    def set_params(self, params: dict) -> None:
        """Takes what `fit` says, but for its last epoch."""
        super().set_params(params | {"epochs": self.last_epoch})


class AgreeOnInterrupt(keras.callbacks.Callback):
    """Takes note of a request to stop, after every step in all processes alike.

    Comes before `Checkpoint`, which obeys.
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
    """Keeps the run's progress: counts steps, and rewrites `history.csv` with a row an epoch.

    Columns: `epoch` (from 1), `loss`, `accuracy`, `val_*`, `test_*`, `lr_backbone` and `lr_head`
    (the rates at the epoch's first step), `seconds` (training steps only, validation left out)
    and `images_per_second`. Of mixed photos `accuracy` counts the class of the larger share.
    Without a path it writes nothing.
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
        """Starts the clock, and goes on with the sums of an epoch that was begun before."""
        self._began = time.perf_counter() - self.progress.seconds
        if self.progress.metrics:
            stored = self.progress.metrics
            for variable, value in zip(self.model.metrics_variables, stored, strict=True):
                variable.assign(value)
            self.progress.metrics = []

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Marks a moment for tests."""
        failpoint("step")

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Stops the clock; at the last step, that is before validation."""
        self.progress.seconds = time.perf_counter() - self._began
        self.progress.step += 1

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Adds the row."""
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
    """Writes the rows. Columns are the last one's: a resumed run may measure more, or less."""
    write_csv(path, list(rows[-1]), rows)


class Divergence(keras.callbacks.Callback):
    """Stops a run whose loss is not a number, and names the photos of that step.

    Without a path it lists them nowhere.
    """

    def __init__(self, path: Path | None, progress: Progress, inputs: Inputs):
        super().__init__()
        self.path = path
        self.progress = progress
        self.inputs = inputs

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Looks at the loss.

        Raises:
            FgmixError: If it is not a number.
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
    """Saves the state. Comes after `EpochLog`, whose progress it stores.

    Args:
        directory: The run's folder; None in a process that doesn't write it.
        progress: How far the run is.
        inputs: What the model is fed; checked before every save.
        last_step: The run's number of steps. After it the state is saved in any case.
        every: The fewest steps between two saves. None saves after an epoch, if the last save
            took at most `SHARE` of the time since.
        request: Whether to save after this step and stop.
        clock: Gives seconds.
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
        """Saves in the midst of an epoch, if it is time to."""
        if self.progress.step % self.inputs.steps_per_epoch == 0:
            return  # the epoch is not over before it is measured
        if self.request.agreed is not None or (self.every and self._due(self.every)):
            self._save()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Saves after a whole epoch."""
        due = self._due(self.every) if self.every else self._affordable()
        if due or self.request.agreed is not None or self.progress.step >= self.last_step:
            self.model.reset_metrics()  # they hold this epoch's sums, not those of the next one
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
