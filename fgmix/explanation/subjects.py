"""The images of which heat maps are drawn."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from fgmix.data.codec.diagnose import decodable
from fgmix.data.dataset import ImageDataset, Split, evenly_spaced
from fgmix.explanation.side_by_side import Subject
from fgmix.runs.run import Run


def choose_measured(dataset: ImageDataset, run: Run, count: int) -> Split:
    """Returns at most `count` images of the split that a run was measured on, evenly spaced."""
    split = dataset.splits[run.config.measured_split]
    return split.take(np.array(evenly_spaced(len(split), count), np.int64))


def read_subjects(files: Sequence[tuple[str, str | None]], crop_bottom: int) -> Iterator[Subject]:
    """Yields images one by one, because a folder may hold more than fit into memory.

    Args:
        files: Paths, each with the name of the image's class if it is known.
        crop_bottom: Pixel rows to remove from the bottom of every image.
    """
    paths = [path for path, _ in files]
    for index, image in decodable(paths, lambda _, image: (image,), crop_bottom):
        path, label = files[int(index)]
        yield Subject(Path(path).name, image.numpy(), label)
