"""Exports a finished run as a model to serve: the workflow of `python -m fgmix export`."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from fgmix.data.codec.diagnose import refuse_unreadable
from fgmix.data.dataset import ImageDataset, evenly_spaced
from fgmix.errors import FgmixError
from fgmix.evaluation.calibration import (
    Abstention,
    calibrate,
    fit_temperature,
    select,
    threshold_for_coverage,
    threshold_for_precision,
)
from fgmix.evaluation.evaluate import evaluate
from fgmix.runs.images import load_images
from fgmix.runs.run import Run
from fgmix.serving.choices import TOP
from fgmix.serving.configs import model_name, write_serving_configs
from fgmix.serving.export import export_saved_model, next_version
from fgmix.serving.model_card import Calibration, describe, write_card
from fgmix.serving.onnx import export_onnx, require_onnx
from fgmix.serving.signatures import Classifier

log = logging.getLogger(__name__)

ONNX_FOLDER = "onnx"
"""ONNX versions have a folder of their own, so that no TensorFlow server tries to load them."""

CHECKED_IMAGES = 16


@dataclass(frozen=True)
class Target:
    """The precision or coverage that the threshold is to reach on the validation images.

    Attributes:
        kind: A name from `THRESHOLDS`.
        value: The share.
    """

    kind: str
    value: float

    def __str__(self) -> str:
        return f"{self.kind} {self.value:g}"


# (confidences, whether each prediction is correct, target) -> threshold
Chooser = Callable[[np.ndarray, np.ndarray, float], float]
THRESHOLDS: dict[str, Chooser] = {
    "precision": threshold_for_precision,
    "coverage": lambda confidences, correct, target: threshold_for_coverage(confidences, target),
}


def export_run(
    run: Run,
    directory: Path,
    *,
    top_k: int = TOP,
    model_format: str = "savedmodel",
    target: Target | None = None,
    dataset: str | None = None,
    data_dir: str | None = None,
) -> Path:
    """Exports a run as the next version in a model's folder.

    Args:
        run: The run.
        directory: The model's folder; created if it does not exist. Nothing in it is overwritten.
        top_k: The largest number of labels in an answer.
        model_format: A name from `EXPORTERS`.
        target: Decides which predictions are accepted; None exports without calibration and
            threshold.
        dataset: Where the run's images are now, as for `load_images`. They are needed for a target
            and to check ONNX.
        data_dir: The folder of the data set, if it has moved.

    Returns:
        The version's folder.

    Raises:
        FgmixError: If the run has no validation images for a target, the target can't be reached,
            images are missing, or the format can't represent the model.
    """
    if model_format == "onnx":
        require_onnx()
        directory = directory / ONNX_FOLDER
    calibration = choose_abstention(run, target, dataset, data_dir) if target else None
    version = next_version(directory)
    classifier = Classifier(
        run.load_model(),
        run.class_names,
        run.crop_bottom,
        top_k,
        calibration.abstention if calibration else None,
    )
    card = write_card(run, run.metrics, version.name, model_format, top_k, calibration)
    EXPORTERS[model_format](partial(load_images, run, dataset, data_dir), classifier, version, card)
    return version


def choose_abstention(
    run: Run, target: Target, dataset: str | None = None, data_dir: str | None = None
) -> Calibration:
    """Fits temperature and threshold on validation images and measures them on test images.

    Raises:
        FgmixError: If there are no validation images or the target can't be reached.
    """
    if not run.data["num_images"].get("val"):
        raise FgmixError(
            f"{run.directory} was trained without validation photos, which calibration and "
            f"threshold are chosen on: train it with --val-fraction 0.1, or export it without a "
            f"target"
        )
    images = load_images(run, dataset, data_dir)
    refuse_unreadable(images.files("val"))
    model = run.load_model()
    found = evaluate(model, images, "val")
    temperature = fit_temperature(found.probabilities, found.labels)
    calibrated = calibrate(found.probabilities, temperature)
    correct = calibrated.argmax(axis=1) == found.labels
    threshold = THRESHOLDS[target.kind](calibrated.max(axis=1), correct, target.value)
    abstention = Abstention(temperature, threshold)

    refuse_unreadable(images.files("test"))
    test = evaluate(model, images, "test")
    calibration = Calibration(
        str(target),
        abstention,
        select(found.probabilities, found.labels, abstention),
        select(test.probabilities, test.labels, abstention),
    )
    log.info("chosen for %s: temperature %.3f, threshold %.4f", target, temperature, threshold)
    log.info("  %s", describe(calibration.validation, "validation"))
    log.info("  %s", describe(calibration.test, "test"))
    return calibration


def _export_onnx(
    images: Callable[[], ImageDataset], classifier: Classifier, version: Path, card: str
) -> None:
    files = images().files("test")
    chosen = evenly_spaced(len(files), CHECKED_IMAGES)
    difference = export_onnx(classifier, version, card, [files[i] for i in chosen])
    log.info(
        "ONNX against TensorFlow on %d test photos: largest difference of a probability %.1e",
        len(chosen),
        difference,
    )


def _export_saved_model(
    images: Callable[[], ImageDataset], classifier: Classifier, version: Path, card: str
) -> None:
    export_saved_model(classifier, version, card)
    write_serving_configs(version.parent, model_name(version.parent))


EXPORTERS = {"savedmodel": _export_saved_model, "onnx": _export_onnx}
