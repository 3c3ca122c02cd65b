"""Loads the images that several runs were measured on."""

from collections.abc import Sequence

from fgmix.data.dataset import ImageDataset
from fgmix.errors import FgmixError
from fgmix.runs.run import Run
from fgmix.workflows.train_and_evaluate import load_images


def load_common_images(runs: Sequence[Run]) -> ImageDataset:
    """Returns the data set of the first run, if all runs were measured on the same images.

    Raises:
        FgmixError: If a run was measured on different images.
    """
    first, *others = runs
    dataset = load_images(first)
    measured = dataset.splits[first.config.measured_split]
    for run in others:
        images = load_images(run)
        same = images.splits[run.config.measured_split].paths == measured.paths
        if not same or images.class_names != dataset.class_names:
            raise FgmixError(
                f"{run.directory} was measured on other photos than {first.directory}: name the "
                f"photos to draw, and measure one run at a time"
            )
    return dataset
