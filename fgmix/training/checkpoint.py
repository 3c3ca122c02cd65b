"""Checkpoints that continue a run exactly: every variable, and how far the run is.

A checkpoint is a zip archive of arrays, so each array has a checksum (CRC-32) that is verified
when it is read.
"""

import json
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from fgmix.errors import FgmixError
from fgmix.failpoints import failpoint
from fgmix.files import replacing
from fgmix.training.distributed.distribution import ONE_DEVICE, Distribution

log = logging.getLogger(__name__)

TOLD = ("step", "seconds", "rows", "backbone")
"""What of `Progress` is not an array."""
CHECKPOINT, PREVIOUS = "checkpoint.npz", "checkpoint-previous.npz"


@dataclass
class Progress:
    """How far a run is.

    Attributes:
        step: Training steps done, counted from the start of the run.
        seconds: Spent on the steps of the epoch that has begun.
        rows: The history, a row a whole epoch.
        metrics: Values of the metrics' variables, to go on with in the middle of an epoch. Only
            between a checkpoint's reading and the first step after it.
        backbone: `Inputs.backbone`; None in a checkpoint that is older than it.
    """

    step: int = 0
    seconds: float = 0.0
    rows: list[dict[str, Any]] = field(default_factory=list)
    metrics: list[np.ndarray] = field(default_factory=list)
    backbone: str | None = ""


def save_checkpoint(directory: Path, model: keras.Model, progress: Progress) -> None:
    """Writes the state after a step, whole or not at all, and keeps the checkpoint before it.

    Args:
        directory: The run's folder.
        model: A compiled model: its weights, seeds, optimizer and metrics are the state.
        progress: How far the run is.

    Raises:
        FgmixError: If a weight is not a finite number. Nothing is written then.
        OSError: If the disk is full, or another reason.
    """
    variables = _state(model)
    arrays = {f"variable{i}": keras.ops.convert_to_numpy(v) for i, v in enumerate(variables)}
    if not all(_finite(array) for array in arrays.values()):
        raise FgmixError(
            f"training diverged: after step {progress.step} the weights are no longer numbers; "
            f"lower --backbone-lr and --head-lr"
        )
    for i, variable in enumerate(model.metrics_variables):
        arrays[f"metric{i}"] = keras.ops.convert_to_numpy(variable)
    told = {name: getattr(progress, name) for name in TOLD}
    newest, previous = directory / CHECKPOINT, directory / PREVIOUS
    with replacing(newest) as beside:
        np.savez(beside, progress=np.array(json.dumps(told)), **arrays)
        if newest.exists():
            newest.replace(previous)
        failpoint("between checkpoints")


def restore_checkpoint(
    directory: Path, model: keras.Model, distribution: Distribution = ONE_DEVICE
) -> Progress:
    """Restores the newest checkpoint of a run that is whole.

    Args:
        directory: The run's folder; of several processes the leader alone needs it.
        model: A compiled model like the one that was saved.
        distribution: The processes; all call this.

    Returns:
        How far the run is; that it has not begun, if there is no checkpoint.

    Raises:
        FgmixError: If all checkpoints are damaged, or they belong to another model or optimizer.
    """
    model.optimizer.build(model.trainable_variables)
    state = _state(model)

    def read() -> tuple[Progress, list[np.ndarray]]:
        found = _read_newest(directory) if distribution.leads else None
        if found is None:
            return Progress(), []
        file, progress, arrays = found
        if [a.shape for a in arrays] != [tuple(v.shape) for v in state]:
            raise FgmixError(f"{file} belongs to another model: give the run's own settings again")
        return progress, arrays

    progress, arrays = distribution.together(read)
    metrics = [array.tolist() for array in progress.metrics]
    progress = Progress(**distribution.tell(vars(progress) | {"metrics": metrics})[0])
    progress.metrics = [np.array(values, np.float32) for values in progress.metrics]
    if progress.step:
        if not distribution.leads:
            arrays = [keras.ops.convert_to_numpy(variable) for variable in state]
        # To assign is a thing that all processes do at once.
        for variable, array in zip(state, distribution.from_leader(arrays), strict=True):
            variable.assign(array)
    return progress


def remove_checkpoints(directory: Path) -> None:
    """Removes what only an unfinished run needs."""
    for name in (PREVIOUS, CHECKPOINT):
        (directory / name).unlink(missing_ok=True)


def _state(model: keras.Model) -> list[keras.Variable]:
    return [*model.variables, *model.optimizer.variables]


def _finite(array: np.ndarray) -> bool:
    """Whether all elements are finite, in one pass: a sum is not where one of them is not."""
    with np.errstate(all="ignore"):
        return array.dtype.kind in "biu" or bool(np.isfinite(array.sum(dtype=np.float64)))


def _read(file: Path) -> tuple[Progress, list[np.ndarray]]:
    """A checkpoint's progress and variables."""
    # Opened here: NumPy leaves a file that it can't read open.
    with file.open("rb") as opened, np.load(opened, allow_pickle=False) as stored:
        if "history" in stored.files:
            raise FgmixError(f"{file} is of another version of fgmix: train anew with --overwrite")
        told = json.loads(str(stored["progress"]))
        count = sum(name.startswith("variable") for name in stored.files)
        arrays = [stored[f"variable{i}"] for i in range(count)]
        # All that is left, so that none can go missing unnoticed.
        metrics = [stored[f"metric{i}"] for i in range(len(stored.files) - count - 1)]
    return Progress(**{name: told.get(name) for name in TOLD}, metrics=metrics), arrays


def _read_newest(directory: Path) -> tuple[Path, Progress, list[np.ndarray]] | None:
    """The newest checkpoint that is whole, and its file; None if there is none at all."""
    there = [file for name in (CHECKPOINT, PREVIOUS) if (file := directory / name).is_file()]
    damage = []
    for file in there:
        try:
            progress, arrays = _read(file)
        except FgmixError:
            raise
        except Exception as error:  # zipfile, NumPy and json raise many kinds
            damage.append(f"{file} is damaged ({error})")
            continue
        for line in damage:
            log.warning("%s: going on from the checkpoint before it", line)
        return file, progress, arrays
    if damage:
        raise FgmixError(f"{'; '.join(damage)}: train anew with --overwrite")
    return None
