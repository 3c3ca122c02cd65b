"""The runs of all folds of an experiment, written without training."""

from pathlib import Path

import numpy as np

from fgmix.evaluation.evaluate import Evaluation
from fgmix.files import write_json
from fgmix.runs.folder import prepare_run
from fgmix.runs.images import load_splits
from fgmix.runs.record import MODEL, PREDICTIONS, PROBABILITIES
from tests.trained_runs import small_config


def write_folds(photos: Path, saved: Path, folds: int = 3, sure: float = 0.9, **settings):
    """Writes finished runs whose models recognise each image by the first word of its name.

    Args:
        photos: A folder of class folders; a file `red 3.png` is predicted to be red.
        saved: The folder that the runs are put into.
        folds: How many.
        sure: The probability of the class that is predicted.
        settings: Other settings of the runs.

    Returns:
        The runs' folders, in the order of the folds.
    """
    written = []
    for fold in range(folds):
        run_dir = saved / f"run-fold_{fold}"
        config = small_config(photos, run_dir, folds=folds, fold=fold, **settings).resolve()
        dataset = load_splits(config)
        prepare_run(config, dataset, "float32")
        held_out = dataset.splits["fold"]
        size = len(dataset.class_names)
        chance = np.full((len(held_out), size), (1 - sure) / (size - 1), np.float32)
        for row, path in enumerate(held_out.paths):
            chance[row, dataset.class_names.index(Path(path).name.split()[0])] = sure
        found = Evaluation(held_out.paths, held_out.labels, chance, dataset.class_names, {})
        found.write_predictions(run_dir / PREDICTIONS)
        found.write_probabilities(run_dir / PROBABILITIES)
        (run_dir / MODEL).write_bytes(b"not read")
        write_json(run_dir / "metrics.json", {})
        written.append(run_dir)
    return written


def write_named_photos(root: Path, counts: dict[str, int], swapped: dict[str, str]) -> Path:
    """Writes pictures `CLASS NUMBER.png` into class folders, some of them into a wrong one.

    Args:
        root: The folder, which gets `train` and `test`.
        counts: The number of training photos of every class; it gets 1 to test on.
        swapped: For such files, `"red 3"`, the class whose folder they lie in.
    """
    from tests.pictures import write_plain

    for label, (name, count) in enumerate(counts.items()):
        write_plain(root / "test" / name / f"{name} test.png", (50 * label, 90, 90))
        for number in range(count):
            stem = f"{name} {number}"
            write_plain(
                root / "train" / swapped.get(stem, name) / f"{stem}.png", (50 * label, number, 90)
            )
    return root
