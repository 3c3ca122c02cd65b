"""Shards: the part of every batch that each process reads when several work together."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Shard:
    """A process's part of every batch: consecutive examples, the same positions in each batch.

    Attributes:
        index: The index of the process, from 0.
        count: The number of processes. It must divide the batch size.
    """

    index: int = 0
    count: int = 1

    def size(self, batch_size: int) -> int:
        """Returns the number of examples of a batch that are in the shard."""
        return batch_size // self.count

    def slice(self, batch_size: int) -> slice:
        """Returns the positions of the shard in a batch."""
        size = self.size(batch_size)
        return slice(self.index * size, (self.index + 1) * size)


WHOLE = Shard()
"""The shard of a single process: the whole batch."""


def measured_order(
    num_images: int, batch_size: int, shard: Shard = WHOLE, filled: bool = False
) -> np.ndarray:
    """Returns the images that a process reads to evaluate a split.

    Args:
        num_images: The number of images in the split.
        batch_size: Images per batch, over all processes.
        shard: The part of every batch to read.
        filled: Whether to fill up the last batch by repeating the last image. Several devices
            need full batches; the predictions for the repeated images are dropped.

    Returns:
        Indices into the split, int32.
    """
    order = np.arange(num_images, dtype=np.int32)
    if not filled:
        return order
    missing = -num_images % batch_size
    whole = np.concatenate([order, np.full(missing, num_images - 1, np.int32)])
    return whole.reshape(-1, batch_size)[:, shard.slice(batch_size)].ravel()
