"""Exports a finished run as a model to serve: the workflow of `fgmix export`."""

import logging
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import keras

from fgmix.data.codec.diagnose import refuse_unreadable
from fgmix.data.dataset import ImageDataset, evenly_spaced
from fgmix.errors import FgmixError
from fgmix.evaluation.evaluate import Evaluation, evaluate
from fgmix.evaluation.metrics import summarize
from fgmix.models.cost import cost
from fgmix.models.ensemble import image_sizes
from fgmix.runs.ensemble import Ensemble, as_ensemble
from fgmix.runs.images import load_images
from fgmix.runs.run import Run
from fgmix.serving.choices import TOP, Target
from fgmix.serving.configs import model_name, write_serving_configs
from fgmix.serving.export import export_saved_model, next_version
from fgmix.serving.litert import export_litert, require_litert
from fgmix.serving.model_card import Averaging, write_card
from fgmix.serving.onnx import export_onnx, require_onnx
from fgmix.serving.signatures import Classifier
from fgmix.workflows.abstention import choose_abstention, refuse_unmeasurable

log = logging.getLogger(__name__)

CHECKED_IMAGES = 16
COMPARED_IMAGES, CALIBRATION_IMAGES = 200, 200
"""Test images on which a LiteRT model is compared, and training images that int8 is chosen on."""


def export_run(
    source: Run | Ensemble,
    directory: Path,
    *,
    top_k: int = TOP,
    model_format: str = "savedmodel",
    quantize: str = "none",
    target: Target | None = None,
    unknown: float | None = None,
    dataset: str | None = None,
    data_dir: str | None = None,
) -> Path:
    """Exports a run, or several as one model, as the next version in a model's folder.

    Args:
        source: The run, or the runs and views whose probabilities the model averages.
        directory: The model's folder; created if it does not exist. Nothing in it is overwritten.
        top_k: The largest number of labels in an answer.
        model_format: A name from `EXPORTERS`.
        quantize: A name from `fgmix.serving.choices.QUANTIZATIONS`; for LiteRT.
        target: Decides which predictions are accepted by their probability.
        unknown: The share of validation images that is near enough to the classes to be accepted,
            between 0 and 1. Without it and `target`, there is no calibration and no threshold.
        dataset: Where the (first) run's images are now, as for `load_images`. They are needed for a
            target and to check ONNX and LiteRT; what averaging brings is measured if they are
            there.
        data_dir: The folder of the data set, if it has moved.

    Returns:
        The version's folder.

    Raises:
        FgmixError: If the run has no validation images for a target, or no class means for
            `unknown`, the target can't be reached, images are missing, or the format can't
            represent the model.
    """
    ensemble = as_ensemble(source)
    load = cache(partial(load_images, ensemble.first, dataset, data_dir))
    exporter = EXPORTERS[model_format]
    if exporter.require:
        exporter.require()
        directory = directory / model_format
    if target or unknown:
        refuse_unmeasurable(ensemble, target, unknown)
        load()
    model = ensemble.load_model()
    if exporter.require:
        _refuse_several_sizes(model, model_format)

    @cache
    def measure(split: str) -> Evaluation:
        images = load()
        ensemble.refuse_trained_on(images.splits[split].paths, split)
        refuse_unreadable(images.files(split))
        return evaluate(model, images, split, features=bool(unknown))

    # Eight bits are too few for it.
    class_means = ensemble.class_means if quantize != "int8" else ()
    if not ensemble.class_means:
        log.info("the export has no distance: %s", ensemble.without_distance())
    calibration = (
        choose_abstention(measure, target, unknown, class_means) if target or unknown else None
    )
    metrics, averaging = ensemble.first.metrics, None
    if ensemble.averages:
        metrics, averaging = _measure_averaging(ensemble, model, measure)
    version = next_version(directory)
    classifier = Classifier(
        model,
        ensemble.class_names,
        ensemble.crop_bottom,
        top_k,
        calibration.abstention if calibration else None,
        class_means,
    )
    card = write_card(
        ensemble,
        metrics,
        version.name,
        model_format,
        top_k,
        calibration,
        averaging,
        distance=bool(class_means),
    )
    exporter.write(load, classifier, version, card, quantize)
    return version


def _refuse_several_sizes(model: keras.Model, model_format: str) -> None:
    sizes = image_sizes(model)
    if isinstance(sizes, tuple):
        shown = " and ".join(map(str, sizes))
        raise FgmixError(
            f"--format {model_format} takes pixels of one size, and the runs take images of "
            f"{shown}: export them as savedmodel, or give runs of one --image-size"
        )


def _measure_averaging(
    ensemble: Ensemble, model: keras.Model, measure: Callable[[str], Evaluation]
) -> tuple[dict[str, Any], Averaging]:
    """Measures what averaging costs, and what it brings if the images are there.

    Returns:
        The metrics of the whole model, empty if it could not be measured; and what its card says of
        the averaging.
    """
    # Folds are held out from one run each, and test images from all of them.
    split = ensemble.first.config.measured_split if len(ensemble.runs) == 1 else "test"
    metrics: dict[str, Any] = {}
    try:
        metrics = measure(split).metrics
        log.info("%s: %s", ensemble.describe(), summarize(metrics, split))
    except FgmixError as error:
        log.warning("what averaging brings is not measured: %s", error)
    costs = (cost(model), cost(ensemble.first.load_model()))
    return metrics, Averaging(*costs, split if metrics else None)


def _export_onnx(
    images: Callable[[], ImageDataset],
    classifier: Classifier,
    version: Path,
    card: str,
    quantize: str,
) -> None:
    files = images().files("test")
    chosen = evenly_spaced(len(files), CHECKED_IMAGES)
    difference = export_onnx(classifier, version, card, [files[i] for i in chosen])
    log.info(
        "ONNX against TensorFlow on %d test photos: largest difference of a probability %.1e",
        len(chosen),
        difference,
    )


def _export_litert(
    images: Callable[[], ImageDataset],
    classifier: Classifier,
    version: Path,
    card: str,
    quantize: str,
) -> None:
    files, labels = images().files("test"), images().splits["test"].labels
    chosen = evenly_spaced(len(files), COMPARED_IMAGES)
    test = [files[i] for i in chosen], [int(labels[i]) for i in chosen]
    calibration = []
    if quantize == "int8":
        files = images().files("train")
        calibration = [files[i] for i in evenly_spaced(len(files), CALIBRATION_IMAGES)]
    refuse_unreadable([*test[0], *calibration])
    log.info(
        "LiteRT against TensorFlow: %s", export_litert(classifier, version, card, test, calibration)
    )


def _export_saved_model(
    images: Callable[[], ImageDataset],
    classifier: Classifier,
    version: Path,
    card: str,
    quantize: str,
) -> None:
    export_saved_model(classifier, version, card)
    write_serving_configs(version.parent, model_name(version.parent))


class _Exporter(NamedTuple):
    """How a model is written in a format.

    Attributes:
        write: `(images, classifier, version, card, quantize) -> None`.
        require: Checks that the packages are installed, for a format that takes pixels. No
            TensorFlow server can load it, so its versions have a folder of their own.
    """

    write: Callable[[Callable[[], ImageDataset], Classifier, Path, str, str], None]
    require: Callable[[], object] | None = None


EXPORTERS = {
    "savedmodel": _Exporter(_export_saved_model),
    "onnx": _Exporter(_export_onnx, require_onnx),
    "litert": _Exporter(_export_litert, require_litert),
}
