"""The flags that say which photos and which pretrained network an accuracy script takes."""

import argparse
from pathlib import Path
from typing import Any


def add_dataset(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of a data set and a pretrained backbone."""
    parser.add_argument("--dataset", default="cars")
    parser.add_argument("--data-dir", help="the folder of a named data set")
    parser.add_argument("--backbone", default="mobilenet_v2")
    parser.add_argument(
        "--weights", default="imagenet", type=_absolute, help="of the backbone: a file or imagenet"
    )


def _absolute(weights: str) -> str:
    """Returns a file's absolute path: trainings may run in another folder."""
    return weights if weights == "imagenet" else str(Path(weights).absolute())


def load(args: argparse.Namespace) -> Any:
    """Imports TensorFlow and loads the data set, with its own splits."""
    from fgmix.backend import import_tensorflow

    import_tensorflow()
    from fgmix.data.sources.registry import load_dataset

    return load_dataset(args.dataset, args.data_dir, 0)
