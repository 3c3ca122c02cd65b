"""The photos that several runs were measured on."""

from collections.abc import Sequence

from fgmix.data.dataset import ImageDataset
from fgmix.errors import FgmixError
from fgmix.runs.run import Run
from fgmix.workflows.train_and_evaluate import load_photos


def load_common_photos(runs: Sequence[Run]) -> ImageDataset:
    """The data set of the first run, if the others were measured on the same photos.

    Raises:
        FgmixError: If one was measured on others.
    """
    first, *others = runs
    dataset = load_photos(first)
    measured = dataset.splits[first.config.measured_split]
    for run in others:
        photos = load_photos(run)
        same = photos.splits[run.config.measured_split].paths == measured.paths
        if not same or photos.class_names != dataset.class_names:
            raise FgmixError(
                f"{run.directory} was measured on other photos than {first.directory}: name the "
                f"photos to draw, and measure one run at a time"
            )
    return dataset
