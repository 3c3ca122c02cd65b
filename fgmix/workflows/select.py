"""Chooses unlabelled images to label next: the workflow of `fgmix predict --select`."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from fgmix.audit.to_label_page import Candidate, write_to_label_page
from fgmix.data.sources.names import require_storable
from fgmix.errors import FgmixError
from fgmix.evaluation.selection import choose_to_label
from fgmix.files import write_csv
from fgmix.runs.ensemble import Ensemble
from fgmix.serving.predict import run_files
from fgmix.serving.signatures import features

SHOWN = 3
"""Classes that the page shows for an image."""
COLUMNS = ("path", "label", "predicted", "probability")


class Selection(NamedTuple):
    """The images to label next.

    Attributes:
        chosen: In the order in which they were chosen.
        seen: The number of images that they were chosen from.
        unreadable: Files that can't be read as images or named in a table, and why.
    """

    chosen: list[Candidate]
    seen: int
    unreadable: list[tuple[Path, str]]


def select_to_label(
    ensemble: Ensemble,
    files: Iterable[Path | None],
    count: int,
    *,
    total: int | None = None,
    progress: bool = False,
) -> Selection:
    """Chooses the images whose labels would teach a classifier most.

    Args:
        ensemble: The run, or the runs and views that answer together.
        files: The image files; None is ignored.
        count: How many to choose.
        total: The number of files, for the progress bar.
        progress: Whether to show one on standard error.

    Raises:
        FgmixError: If the model can't be loaded, or no file can be read as an image.
    """
    rows = run_files(ensemble, features, files, fill=True)
    paths, probabilities, means, unreadable = [], [], [], []
    for row in tqdm(rows, None, total, unit=" photos", disable=not progress):
        if row.outputs is None:
            unreadable.append((row.path, row.error))
            continue
        try:
            require_storable(row.path.parent, [row.path.name])
        except FgmixError as error:  # a table can't name it
            unreadable.append((row.path, str(error)))
            continue
        paths.append(row.path)
        probabilities.append(row.outputs["probabilities"])
        means.append(row.outputs["features"])
    if not paths:
        raise FgmixError("no photo to choose from: none of the files can be read as an image")
    found = np.stack(probabilities)
    chosen = choose_to_label(found, np.stack(means), count)
    return Selection(
        [_candidate(paths[index], found[index], ensemble.class_names) for index in chosen],
        len(paths),
        unreadable,
    )


def write_selection(selection: Selection, table: Path, crop_bottom: int = 0) -> Path:
    """Writes the table to fill in, and a page of the images beside it.

    The table's paths start from its folder, so that it is a data set once its labels are there.

    Args:
        selection: The images.
        table: The CSV file.
        crop_bottom: Pixel rows that the model removes from the bottom of every image.

    Returns:
        The page's file.
    """
    page = table.with_suffix(".html")
    summary = f"{len(selection.chosen):,} of {selection.seen:,} photos."
    write_to_label_page(page, selection.chosen, table.name, summary, crop_bottom)
    write_csv(
        table,
        COLUMNS,
        (
            {
                "path": os.path.relpath(one.path, table.parent),
                "label": "",
                "predicted": one.top[0][0],
                "probability": round(one.top[0][1], 6),
            }
            for one in selection.chosen
        ),
    )
    return page


def _candidate(path: Path, probabilities: np.ndarray, class_names: tuple[str, ...]) -> Candidate:
    best = np.argsort(-probabilities, kind="stable")[:SHOWN]
    return Candidate(path, tuple((class_names[k], float(probabilities[k])) for k in best))
