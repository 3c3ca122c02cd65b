"""Version 1 of a run: the SavedModel that training writes.

The variables of a model trained on JAX, or on several devices, live there. Such a model is loaded
from `model.keras` in a separate process, with Keras's TensorFlow backend on one device, so that
every run is exported in the same way.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras

from fgmix.errors import FgmixError
from fgmix.runs.run import Run
from fgmix.serving.export import export_saved_model
from fgmix.serving.model_card import write_card
from fgmix.serving.signatures import Classifier

FIRST = "1"


def export_first(run: Run, model: keras.Model, metrics: dict[str, Any]) -> None:
    """Writes version 1 of a run.

    Args:
        run: The run; only this export and its metrics are missing.
        model: Its classifier, on Keras's TensorFlow backend and one device.
        metrics: Its evaluation, for the model card.
    """
    classifier = Classifier(model, run.class_names, run.crop_bottom, class_means=run.class_means)
    export_saved_model(classifier, run.directory / FIRST, write_card(run, metrics, FIRST))


def export_apart(directory: Path, metrics: dict[str, Any]) -> None:
    """Writes version 1 of a run from its `model.keras`, in a separate process.

    Args:
        directory: The run's folder.
        metrics: Its evaluation, for the model card.

    Raises:
        FgmixError: If the process fails, with the last line of its standard error.
    """
    root = str(Path(__file__).parents[2])
    paths = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-m", "fgmix.serving.first_version", str(directory)],
        input=json.dumps(metrics),
        env={
            **os.environ,
            "KERAS_BACKEND": "tensorflow",
            "CUDA_VISIBLE_DEVICES": "-1",  # the training process holds the GPUs
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "PYTHONPATH": paths,
        },
        capture_output=True,
        text=True,
    )
    if done.returncode:
        words = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise FgmixError(f"can't export {directory / 'model.keras'}: {words[-1]}")


def main() -> None:
    """Exports the run named on the command line; its metrics come on standard input."""
    run = Run.open(sys.argv[1], finished=False)
    export_first(run, run.load_model(), json.load(sys.stdin))


if __name__ == "__main__":
    main()
