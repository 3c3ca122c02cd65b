"""Loading a data set to audit it, also one that training refuses."""

from pathlib import Path
from typing import NamedTuple

from fgmix.data.dataset import ImageDataset
from fgmix.data.sources.layout import Layout, survey_folder
from fgmix.data.sources.registry import is_folder, load_dataset, require_known
from fgmix.errors import FgmixError


class Subject(NamedTuple):
    """What is audited.

    Attributes:
        dataset: The data set.
        layout: What lies in its folder, if it is a folder.
        refusal: Why training refuses it, if it does.
    """

    dataset: ImageDataset
    layout: Layout | None = None
    refusal: str | None = None


def load_subject(name: str, data_dir: str | None, split_seed: int) -> Subject:
    """Loads a data set; of a folder that training refuses, what can be read of it.

    Args:
        name: Name of a data set, or a folder.
        data_dir: Where a named data set lies.
        split_seed: Decides the split where the source has none.

    Raises:
        FgmixError: If there is no such data set, or nothing in it to audit.
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
