"""Checkpoints from which a run continues exactly: every variable and the run's progress.

A checkpoint is a zip archive of arrays. Each array has a checksum (CRC-32), which is verified when
it is read.
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

AS_JSON = ("step", "seconds", "rows", "backbone")
"""The attributes of `Progress` that are stored as JSON."""
CHECKPOINT, PREVIOUS = "checkpoint.npz", "checkpoint-previous.npz"


@dataclass
class Progress:
    """The progress of a run.

    Attributes:
        step: Training steps done since the start of the run.
        seconds: Time spent on the steps of the current epoch.
        rows: The history, one row per finished epoch.
        metrics: Values of the metrics' variables, to continue within an epoch. Set only between
            reading a checkpoint and the first step after it.
        backbone: `Inputs.backbone`; None in checkpoints that are older than this attribute.
    """

    step: int = 0
    seconds: float = 0.0
    rows: list[dict[str, Any]] = field(default_factory=list)
    metrics: list[np.ndarray] = field(default_factory=list)
    backbone: str | None = ""


def save_checkpoint(directory: Path, model: keras.Model, progress: Progress) -> None:
    """Writes a checkpoint atomically and keeps the previous one.

    Args:
        directory: The run's folder.
        model: A compiled model: its weights, seeds, optimizer and metrics are saved.
        progress: The run's progress.

    Raises:
        FgmixError: If a weight is not finite. Nothing is written then.
        OSError: If the file can't be written.
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
    as_json = {name: getattr(progress, name) for name in AS_JSON}
    newest, previous = directory / CHECKPOINT, directory / PREVIOUS
    with replacing(newest) as beside:
        np.savez(beside, progress=np.array(json.dumps(as_json)), **arrays)
        if newest.exists():
            newest.replace(previous)
        failpoint("between checkpoints")


def restore_checkpoint(
    directory: Path, model: keras.Model, distribution: Distribution = ONE_DEVICE
) -> Progress:
    """Restores the newest undamaged checkpoint of a run.

    Args:
        directory: The run's folder; only the leader of several processes needs it.
        model: A compiled model of the same architecture and optimizer.
        distribution: The processes, all of which must call this.

    Returns:
        The run's progress; an empty one if there is no checkpoint.

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
            raise FgmixError(f"{file} belongs to another model: use the settings of the run")
        return progress, arrays

    progress, arrays = distribution.together(read)
    metrics = [array.tolist() for array in progress.metrics]
    progress = Progress(**distribution.gather(vars(progress) | {"metrics": metrics})[0])
    progress.metrics = [np.array(values, np.float32) for values in progress.metrics]
    if progress.step:
        if not distribution.leads:
            arrays = [keras.ops.convert_to_numpy(variable) for variable in state]
        # All processes must assign the values together.
        for variable, array in zip(state, distribution.from_leader(arrays), strict=True):
            variable.assign(array)
    return progress


def remove_checkpoints(directory: Path) -> None:
    """Removes the checkpoints of a run."""
    for name in (PREVIOUS, CHECKPOINT):
        (directory / name).unlink(missing_ok=True)


def _state(model: keras.Model) -> list[keras.Variable]:
    return [*model.variables, *model.optimizer.variables]


def _finite(array: np.ndarray) -> bool:
    """Returns whether all elements are finite, in one pass: otherwise their sum is not finite."""
    with np.errstate(all="ignore"):
        return array.dtype.kind in "biu" or bool(np.isfinite(array.sum(dtype=np.float64)))


def _read(file: Path) -> tuple[Progress, list[np.ndarray]]:
    """Returns the progress and the variables of a checkpoint."""
    # Opened here: NumPy leaves a file that it can't read open.
    with file.open("rb") as opened, np.load(opened, allow_pickle=False) as stored:
        if "history" in stored.files:
            raise FgmixError(f"{file} is of another version of fgmix: start over with --overwrite")
        as_json = json.loads(str(stored["progress"]))
        count = sum(name.startswith("variable") for name in stored.files)
        arrays = [stored[f"variable{i}"] for i in range(count)]
        # All remaining arrays, so that a missing one is noticed.
        metrics = [stored[f"metric{i}"] for i in range(len(stored.files) - count - 1)]
    return Progress(**{name: as_json.get(name) for name in AS_JSON}, metrics=metrics), arrays


def _read_newest(directory: Path) -> tuple[Path, Progress, list[np.ndarray]] | None:
    """Returns the newest undamaged checkpoint and its file; None if there is no checkpoint."""
    there = [file for name in (CHECKPOINT, PREVIOUS) if (file := directory / name).is_file()]
    damage = []
    for file in there:
        try:
            progress, arrays = _read(file)
        except FgmixError:
            raise
        except Exception as error:  # zipfile, NumPy and json raise many types
            damage.append(f"{file} is damaged ({error})")
            continue
        for line in damage:
            log.warning("%s: using the checkpoint before it", line)
        return file, progress, arrays
    if damage:
        raise FgmixError(f"{'; '.join(damage)}: start over with --overwrite")
    return None
