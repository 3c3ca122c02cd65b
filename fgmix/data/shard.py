"""What each of several processes reads of a batch that they train on together."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Shard:
    """The same part of every batch, a run of consecutive places.

    Attributes:
        index: Which of the processes, from 0.
        count: How many there are. It divides the batch size.
    """

    index: int = 0
    count: int = 1

    def size(self, batch_size: int) -> int:
        """How many examples of a batch are its own."""
        return batch_size // self.count

    def slice(self, batch_size: int) -> slice:
        """Where in a batch they are."""
        size = self.size(batch_size)
        return slice(self.index * size, (self.index + 1) * size)


WHOLE = Shard()
"""Of a process that is alone: everything."""


def measured_order(
    num_images: int, batch_size: int, shard: Shard = WHOLE, filled: bool = False
) -> np.ndarray:
    """The images that a process reads when every image of a split is measured.

    Args:
        num_images: How many the split has.
        batch_size: Images a batch, of all processes together.
        shard: Which part of every batch.
        filled: Whether the last batch is filled up with its last image, over and over. Several
            devices need whole batches; the answers to what was filled in are dropped.

    Returns:
        Indices into the split, int32.
    """
    order = np.arange(num_images, dtype=np.int32)
    if not filled:
        return order
    missing = -num_images % batch_size
    whole = np.concatenate([order, np.full(missing, num_images - 1, np.int32)])
    return whole.reshape(-1, batch_size)[:, shard.slice(batch_size)].ravel()
