"""What befalls long runs, in a line each: full disks, lost photos, too little memory."""

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import tensorflow as tf

from fgmix.config.train_config import TrainConfig
from fgmix.data.codec.diagnose import unreadable_files
from fgmix.data.dataset import ImageDataset
from fgmix.errors import FgmixError
from fgmix.training.distributed.hosts import LOST, peer_lost

FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def faults_explained(config: TrainConfig, dataset: ImageDataset) -> Iterator[None]:
    """Turns errors of the disk, the device and the photos into one line with a remedy.

    What it can't explain passes unchanged.

    Args:
        config: The run's resolved config.
        dataset: The photos that the run reads.

    Raises:
        FgmixError: In place of the error that it explains.
    """
    try:
        yield
    except FgmixError:
        raise
    except Exception as error:  # h5py, zipfile and TensorFlow each raise their own
        for explain in EXPLANATIONS:
            reason = explain(error, config, dataset)
            if reason is not None:
                raise FgmixError(reason) from error
        raise


def _disk_full(error: Exception, config: TrainConfig, dataset: ImageDataset) -> str | None:
    full = isinstance(error, OSError) and error.errno in FULL
    # h5py and TensorFlow have only words for it.
    if not full and "No space left on device" not in str(error):
        return None
    return (
        f"the disk of {config.run_dir} is full: make room and go on with --resume (a run needs "
        f"room for three checkpoints)"
    )


def _device_full(error: Exception, config: TrainConfig, dataset: ImageDataset) -> str | None:
    full = isinstance(error, (tf.errors.ResourceExhaustedError, MemoryError))
    if not full and "RESOURCE_EXHAUSTED" not in str(error):  # JAX's
        return None
    return (
        f"out of memory with --batch-size {config.batch_size} and --image-size "
        f"{config.image_size}: begin anew (--overwrite) with --accumulate {2 * config.accumulate}, "
        f"or lower --batch-size or --image-size"
    )


def _photo_lost(error: Exception, config: TrainConfig, dataset: ImageDataset) -> str | None:
    """Photos are looked at only now, because TensorFlow's errors don't name the file."""
    lost = isinstance(error, OSError) and dataset.root in Path(str(error.filename)).parents
    if not lost and not isinstance(
        error, (tf.errors.NotFoundError, tf.errors.InvalidArgumentError)
    ):
        return None
    files = [str(dataset.root / path) for path in dataset.paths()]
    bad = unreadable_files(files)
    if not bad:
        return None
    file, reason = next(iter(bad.items()))
    more = f", and {len(bad) - 1} more" if bad.keys() - {file} else ""
    return (
        f"{file} can no longer be read ({reason}){more}: bring it back and go on with --resume, "
        f"or start anew without it (--overwrite)"
    )


def _peer_lost(error: Exception, config: TrainConfig, dataset: ImageDataset) -> str | None:
    return LOST if peer_lost(error, config.coordinator is not None) else None


def _unwritable(error: Exception, config: TrainConfig, dataset: ImageDataset) -> str | None:
    if not isinstance(error, OSError) or error.errno not in (errno.EROFS, errno.EACCES, errno.EIO):
        return None
    return (
        f"can't write to {error.filename or config.run_dir}: {error.strerror}; mend that and go "
        f"on with --resume, or choose another --run-dir"
    )


Explain = Callable[[Exception, TrainConfig, ImageDataset], str | None]
EXPLANATIONS: tuple[Explain, ...] = (
    _disk_full,
    _peer_lost,
    _device_full,
    _photo_lost,
    _unwritable,
)
"""In this order: a full disk is also TensorFlow's "resource exhausted"."""
