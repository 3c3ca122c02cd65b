"""Loads a data set to audit, even one that training refuses."""

from pathlib import Path
from typing import NamedTuple

from fgmix.data.dataset import ImageDataset
from fgmix.data.sources.layout import Layout, survey_folder
from fgmix.data.sources.registry import is_folder, load_dataset, require_known
from fgmix.errors import FgmixError


class Subject(NamedTuple):
    """The subject of an audit.

    Attributes:
        dataset: The data set.
        layout: The files in its folder, if it is a folder.
        refusal: Why training refuses it, if it does.
    """

    dataset: ImageDataset
    layout: Layout | None = None
    refusal: str | None = None


def load_subject(name: str, data_dir: str | None, split_seed: int) -> Subject:
    """Loads a data set, or as much as can be loaded of a folder that training refuses.

    Args:
        name: Name of a data set, or a folder.
        data_dir: The folder of a named data set.
        split_seed: Seed of the split, if the source has none.

    Raises:
        FgmixError: If the data set does not exist or contains nothing to audit.
    """
    require_known(name, data_dir)
    if not is_folder(name, data_dir):
        return Subject(load_dataset(name, data_dir, split_seed))
    layout = survey_folder(Path(name).expanduser())
    try:
        return Subject(load_dataset(name, data_dir, split_seed), layout)
    except FgmixError as error:
        if not any(map(len, layout.dataset.splits.values())):
            raise
        return Subject(layout.dataset, layout, str(error))
