"""Loads the images that several runs were measured on."""

from collections.abc import Sequence

from fgmix.data.dataset import ImageDataset
from fgmix.errors import FgmixError
from fgmix.runs.images import load_images
from fgmix.runs.run import Run


def load_common_images(
    runs: Sequence[Run], dataset: str | None = None, data_dir: str | None = None
) -> ImageDataset:
    """Returns the data set of the first run, if all runs were measured on the same images.

    Args:
        runs: The runs.
        dataset: Where their images are now, as for `load_images`.
        data_dir: The folder of the data set, if it has moved.

    Raises:
        FgmixError: If a run was measured on different images.
    """
    first, *others = runs
    common = load_images(first, dataset, data_dir)
    measured = common.splits[first.config.measured_split]
    for run in others:
        images = load_images(run, dataset, data_dir)
        same = images.splits[run.config.measured_split].paths == measured.paths
        if not same or images.class_names != common.class_names:
            raise FgmixError(
                f"{run.directory} was measured on other photos than {first.directory}: name the "
                f"photos to draw, and measure one run at a time"
            )
    return common
