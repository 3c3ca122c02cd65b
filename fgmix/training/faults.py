"""Explains failures of long runs in one line: full disks, missing images, too little memory."""

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
    """Replaces errors of disk, device and images by one line with a remedy.

    Other errors pass unchanged.

    Args:
        config: The run's resolved config.
        dataset: The images of the run.

    Raises:
        FgmixError: In place of an error that it explains.
    """
    try:
        yield
    except FgmixError:
        raise
    except Exception as error:  # h5py, zipfile and TensorFlow each raise their own types
        for explain in EXPLANATIONS:
            reason = explain(error, config, dataset)
            if reason is not None:
                raise FgmixError(reason) from error
        raise


def _disk_full(error: Exception, config: TrainConfig, dataset: ImageDataset) -> str | None:
    full = isinstance(error, OSError) and error.errno in FULL
    # h5py and TensorFlow name the reason in the message only.
    if not full and "No space left on device" not in str(error):
        return None
    return (
        f"the disk of {config.run_dir} is full: free some space and continue with --resume (a run "
        f"needs space for three checkpoints)"
    )


def _device_full(error: Exception, config: TrainConfig, dataset: ImageDataset) -> str | None:
    full = isinstance(error, (tf.errors.ResourceExhaustedError, MemoryError))
    if not full and "RESOURCE_EXHAUSTED" not in str(error):  # JAX's
        return None
    return (
        f"out of memory with --batch-size {config.batch_size} and --image-size "
        f"{config.image_size}: start over (--overwrite) with --accumulate {2 * config.accumulate}, "
        f"or lower --batch-size or --image-size"
    )


def _image_lost(error: Exception, config: TrainConfig, dataset: ImageDataset) -> str | None:
    """Finds the image that can't be read: TensorFlow's errors don't name the file."""
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
        f"{file} can no longer be read ({reason}){more}: restore it and continue with --resume, "
        f"or start over without it (--overwrite)"
    )


def _peer_lost(error: Exception, config: TrainConfig, dataset: ImageDataset) -> str | None:
    return LOST if peer_lost(error, config.coordinator is not None) else None


def _unwritable(error: Exception, config: TrainConfig, dataset: ImageDataset) -> str | None:
    if not isinstance(error, OSError) or error.errno not in (errno.EROFS, errno.EACCES, errno.EIO):
        return None
    return (
        f"can't write to {error.filename or config.run_dir}: {error.strerror}; fix this and "
        f"continue with --resume, or choose another --run-dir"
    )


Explain = Callable[[Exception, TrainConfig, ImageDataset], str | None]
EXPLANATIONS: tuple[Explain, ...] = (
    _disk_full,
    _peer_lost,
    _device_full,
    _image_lost,
    _unwritable,
)
"""In order of precedence: for TensorFlow, a full disk is a "resource exhausted" error too."""
