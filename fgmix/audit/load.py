"""Loads a data set to audit, even one that training refuses."""

import shlex
from pathlib import Path
from typing import NamedTuple

from fgmix.data.dataset import ImageDataset
from fgmix.data.sources.layout import Layout, survey_folder
from fgmix.data.sources.manifest.survey import survey_manifest
from fgmix.data.sources.registry import is_folder, is_manifest, load_dataset, require_known
from fgmix.errors import FgmixError


class Subject(NamedTuple):
    """The subject of an audit.

    Attributes:
        dataset: The data set.
        layout: The files in its folder, or those in its table, if it is one of them.
        refusal: Why training refuses it, if it does.
        flags: The flags that name it, as they are typed in a shell.
    """

    dataset: ImageDataset
    layout: Layout | None = None
    refusal: str | None = None
    flags: str = ""


def load_subject(
    name: str, data_dir: str | None, split_seed: int, columns: str | None = None
) -> Subject:
    """Loads a data set, or as much as can be loaded of a folder or table that training refuses.

    Args:
        name: Name of a data set, a folder or a table.
        data_dir: The folder of a named data set, or of a table's photos.
        split_seed: Seed of the split, if the source has none.
        columns: The names of a table's columns, as for `--columns`.

    Raises:
        FgmixError: If the data set does not exist or contains nothing to audit.
    """
    require_known(name, data_dir)
    given = {"dataset": name, "data-dir": data_dir, "columns": columns, "split-seed": split_seed}
    flags = shlex.join(part for k, v in given.items() if v for part in (f"--{k}", str(v)))
    if is_manifest(name):
        photos = Path(data_dir).expanduser() if data_dir else None
        manifest = survey_manifest(Path(name).expanduser(), photos, columns)
        layout, everything = manifest.layout, manifest.dataset
    elif is_folder(name, data_dir):
        layout = survey_folder(Path(name).expanduser())
        everything = layout.dataset
    else:
        return Subject(load_dataset(name, data_dir, split_seed), flags=flags)
    try:
        dataset = load_dataset(name, data_dir, split_seed, columns=columns)
        return Subject(dataset, layout, flags=flags)
    except FgmixError as error:
        if not any(map(len, everything.splits.values())):
            raise
        return Subject(everything, layout, str(error), flags)
