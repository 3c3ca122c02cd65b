"""Where data sets lie, and what is written beside them."""

import os
from pathlib import Path

OWN_FOLDER = "fgmix"
"""Below the TFDS folder: what fgmix writes and could write again."""


def tfds_folder() -> Path:
    """Returns the folder in which TensorFlow Datasets keeps its data sets."""
    return Path(os.environ.get("TFDS_DATA_DIR", "~/tensorflow_datasets")).expanduser()


def default_data_dir(dataset: str) -> Path:
    """Returns where a data set of the registry lies unless `--data-dir` says otherwise."""
    folder = OWN_FOLDER if dataset == "demo" else dataset.partition("/")[0]
    return tfds_folder() / folder
