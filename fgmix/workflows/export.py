"""A finished run made into a model to serve: what `python -m fgmix export` runs."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fgmix.data.codec.diagnose import refuse_unreadable
from fgmix.data.dataset import evenly_spaced
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
from fgmix.runs.run import Run
from fgmix.serving.choices import TOP
from fgmix.serving.configs import model_name, write_serving_configs
from fgmix.serving.export import export_saved_model, next_version
from fgmix.serving.model_card import Calibration, describe, write_card
from fgmix.serving.onnx import export_onnx, require_onnx
from fgmix.serving.signatures import Classifier
from fgmix.workflows.train_and_evaluate import evaluate_run, load_photos

log = logging.getLogger(__name__)

ONNX_FOLDER = "onnx"
"""ONNX versions lie apart: a TensorFlow server would try to load them as its newest."""

CHECKED_PHOTOS = 16


@dataclass(frozen=True)
class Target:
    """What the threshold of an export is to reach on the validation photos.

    Attributes:
        kind: A name from `THRESHOLDS`.
        value: The share.
    """

    kind: str
    value: float

    def __str__(self) -> str:
        return f"{self.kind} {self.value:g}"


# From confidences and whether each answer is right to a threshold.
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
    data_dir: str | None = None,
) -> Path:
    """Exports a run as the next version below a folder.

    Args:
        run: The run.
        directory: The model's folder, made if need be. Nothing in it is overwritten.
        top_k: How many labels an answer holds at most.
        model_format: A name from `EXPORTERS`.
        target: What answers to accept; None to export no calibration and no threshold.
        data_dir: Where the run's photos lie, if not where it found them. They are needed for a
            target, and to check ONNX.

    Returns:
        The version's folder.

    Raises:
        FgmixError: If the run has no validation photos to choose by, the target can't be reached,
            photos are missing, or the format can't hold the model.
    """
    if model_format == "onnx":
        require_onnx()
        directory = directory / ONNX_FOLDER
    calibration = choose_abstention(run, target, data_dir) if target else None
    version = next_version(directory)
    classifier = Classifier(
        run.load_model(),
        run.class_names,
        run.crop_bottom,
        top_k,
        calibration.abstention if calibration else None,
    )
    card = write_card(run, run.metrics, version.name, model_format, top_k, calibration)
    EXPORTERS[model_format](run, data_dir, classifier, version, card)
    return version


def choose_abstention(run: Run, target: Target, data_dir: str | None = None) -> Calibration:
    """Fits temperature and threshold on validation photos and measures them on test photos.

    Raises:
        FgmixError: If there are no validation photos or the target can't be reached.
    """
    if not run.data["num_images"].get("val"):
        raise FgmixError(
            f"{run.directory} was trained without validation photos, by which answers are "
            f"calibrated and chosen: train it with --val-fraction 0.1, or export it without a "
            f"target"
        )
    found, photos, model = evaluate_run(run, data_dir=data_dir, split="val")
    temperature = fit_temperature(found.probabilities, found.labels)
    calibrated = calibrate(found.probabilities, temperature)
    correct = calibrated.argmax(axis=1) == found.labels
    threshold = THRESHOLDS[target.kind](calibrated.max(axis=1), correct, target.value)
    abstention = Abstention(temperature, threshold)

    refuse_unreadable(photos.files("test"))
    test = evaluate(model, photos, "test")
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
    run: Run, data_dir: str | None, classifier: Classifier, version: Path, card: str
) -> None:
    files = load_photos(run, data_dir=data_dir).files("test")
    chosen = evenly_spaced(len(files), CHECKED_PHOTOS)
    difference = export_onnx(classifier, version, card, [files[i] for i in chosen])
    log.info(
        "ONNX against TensorFlow on %d test photos: largest difference of a probability %.1e",
        len(chosen),
        difference,
    )


def _export_saved_model(
    run: Run, data_dir: str | None, classifier: Classifier, version: Path, card: str
) -> None:
    export_saved_model(classifier, version, card)
    write_serving_configs(version.parent, model_name(version.parent))


EXPORTERS = {"savedmodel": _export_saved_model, "onnx": _export_onnx}
