"""The Python API: what `fgmix.train`, `fgmix.predict` and the others do.

It has the parts of the command line without its parser. TensorFlow is imported by the first call
that needs it. Errors that the user can fix are `fgmix.FgmixError`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fgmix.backend import import_tensorflow
from fgmix.config.train_config import TrainConfig
from fgmix.errors import FgmixError, did_you_mean
from fgmix.models.choices import TTA
from fgmix.runs.ensemble import Ensemble
from fgmix.runs.run import Run
from fgmix.serving.choices import (
    FORMATS,
    QUANTIZATIONS,
    TOP,
    Target,
    check_quantize,
    check_top_k,
    check_unknown,
)
from fgmix.workflows.evaluate_run import evaluate_run

if TYPE_CHECKING:
    from fgmix.audit.report import Audit
    from fgmix.comparison.contrasts import Comparison
    from fgmix.evaluation.evaluate import Evaluation
    from fgmix.explanation.image import Explanation

Place = str | Path
"""A path of a file or a folder."""
Runs = Run | Place | Sequence[Run | Place]
"""A run, by its folder or opened, or several that answer with the mean of their probabilities."""


@dataclass(frozen=True)
class Prediction:
    """The prediction for an image file, or the reason why there is none.

    Attributes:
        path: The file.
        label: The most likely class; None if the file can't be read as an image.
        probability: The probability of that class; None without one.
        top: The most likely classes and their probabilities, the likeliest first.
        error: Why the file can't be read; None if it can.
        distance: How far the image is from all classes: 95 % of validation images have at most 1.
            None of a run without `distance.npz`.
    """

    path: str
    label: str | None = None
    probability: float | None = None
    top: tuple[tuple[str, float], ...] = ()
    error: str | None = None
    distance: float | None = None


def train(config: TrainConfig | None = None, /, **settings: Any) -> Run:
    """Trains, evaluates and exports one classifier, as `fgmix train` does.

    In a notebook, Keras shows its progress bars. What the command line prints besides is logged by
    the logger `fgmix`; `logging.basicConfig(level="INFO")` shows it.

    Args:
        config: The settings of the run. Those that are None are filled by the data set's preset,
            the recipe and the base.
        **settings: Settings by name, the fields of `TrainConfig` and flags of `fgmix train`. They
            take precedence over those of `config`.

    Returns:
        The finished run.

    Raises:
        FgmixError: If settings, data, weights or the run's folder can't be used. Before the first
            training step, only the data set and its resized cache are written.
        KeyboardInterrupt: If it was interrupted. The run is saved; `resume=True` continues it.

    Example:
        ```python
        run = fgmix.train(dataset="photos/", backbone="mobilenet_v2")
        run.metrics["top1"]
        again = fgmix.train(run.config, seed=1, run_dir=None)  # None: a name by the settings
        ```
    """
    known = [f.name for f in fields(TrainConfig)]
    for name in settings.keys() - known:
        hint = did_you_mean(name, known) or " (TrainConfig has those that there are)"
        raise FgmixError(f"unknown setting {name}{hint}")
    if config is None:
        config = TrainConfig(**{"dataset": None} | settings)
    elif settings:
        config = replace(config, **settings)
    from fgmix.workflows.checks import check_training

    check_training(config)
    import_tensorflow(any_backend=True)
    from fgmix.workflows.train_and_evaluate import train as train_run

    return Run(train_run(config).directory)


def open_run(directory: Place) -> Run:
    """Opens the folder of a finished run. Its files are read when they are asked for.

    Args:
        directory: The folder, such as `saved_models/photos-mobilenet_v2-mixed-seed0`.

    Raises:
        FgmixError: If it is not a run, has not finished, or is of another version.

    Example:
        ```python
        run = fgmix.open_run("saved_models/demo-tiny-mixed-seed0")
        run.metrics["top1"], run.class_names, run.config.attention, run.history[-1]["loss"]
        run.model.predict(images)  # float32 (n, S, S, 3), RGB from 0 to 255
        ```
    """
    return Run.open(directory)


def predict(
    run: Runs, images: Place | Sequence[Place], *, tta: str = TTA[0]
) -> Iterator[Prediction]:
    """Predicts the classes of image files, with the code of the exported model.

    Args:
        run: The run, or several.
        images: Files, folders (all images inside them) and patterns such as `"photos/**/*.jpg"`.
        tta: Test-time augmentation: `"none"`, or `"flip"` for the mean of an image and its mirror
            image.

    Returns:
        An iterator over the predictions, in the order of the files. Images are read as it is
        consumed, a few dozen at a time.

    Raises:
        FgmixError: If an input does not exist or holds no image, or a model can't be loaded. A file
            that is not a readable image raises nothing: its prediction has an `error`.

    Example:
        ```python
        for found in fgmix.predict(run, ["a.jpg", "folder/"]):
            print(found.path, found.error or f"{found.label} {found.probability:.0%}")
        ```
    """
    ensemble = _ensemble(run, tta)
    given = [images] if isinstance(images, str | Path) else images
    from fgmix.serving.inputs import find_images

    files = find_images(map(str, given))
    import_tensorflow()
    from fgmix.serving.predict import predict_files

    answers = predict_files(ensemble, files)
    return (
        Prediction(**answer | {"top": tuple((name, p) for name, p in answer.get("top", ()))})
        for answer in answers
    )


def evaluate(
    run: Runs,
    dataset: Place | None = None,
    *,
    data_dir: Place | None = None,
    split: str | None = None,
    columns: str | None = None,
    tta: str = TTA[0],
) -> "Evaluation":
    """Evaluates a finished run again, on its own images or on others. No file is written.

    Args:
        run: The run, or several.
        dataset: Name, folder or table of other images, whose classes are matched by name, or where
            the run's own are now; the run's own by default.
        data_dir: The folder of a named data set, or of a table's images.
        split: `"train"`, `"val"`, `"test"`, `"fold"` or `"all"`; by default the split that the run
            was measured on, and `"test"` of other images.
        columns: The names of a table's columns, such as `"path=file,label=species"`; by default
            those of the run.
        tta: Test-time augmentation, as for `predict`.

    Returns:
        The evaluation: its `metrics`, and `paths`, `labels` and `probabilities` image by image.

    Raises:
        FgmixError: If images are missing, have changed, can't be read, or have classes that the
            model doesn't know.

    Example:
        ```python
        found = fgmix.evaluate(run, dataset="other_photos/", split="all")
        found.metrics["top1"], found.probabilities.shape  # a fraction, (n, K)
        ```
    """
    measured = evaluate_run(_ensemble(run, tta), _text(dataset), _text(data_dir), split, columns)
    return measured.found


def explain(run: Run | Place, image: Place, *, class_name: str | None = None) -> "Explanation":
    """Computes where a model looks in an image.

    The model is loaded by the first call with an opened run, and kept for the next.

    Args:
        run: The run.
        image: The image file.
        class_name: The class of Grad-CAM; by default the predicted one.

    Returns:
        The prediction and the heat maps as arrays; a notebook shows the maps over the image.

    Raises:
        FgmixError: If the image can't be read, the class is unknown, or the model can't be loaded.

    Example:
        ```python
        seen = fgmix.explain(run, "a.jpg")
        seen.label, seen.maps["energy"].shape  # float32 (rows, columns) from 0 to 1
        seen.over("gradcam")  # uint8 (h, w, 3): the map over the image
        ```
    """
    opened = _open(run)
    if class_name is not None:
        opened.require_class(class_name)
    import_tensorflow()
    from fgmix.explanation.image import explain_image

    return explain_image(opened, Path(image), class_name)


def export(
    run: Runs,
    directory: Place | None = None,
    *,
    model_format: str = FORMATS[0],
    quantize: str = QUANTIZATIONS[0],
    top_k: int = TOP,
    precision_target: float | None = None,
    coverage_target: float | None = None,
    unknown_target: float | None = None,
    tta: str = TTA[0],
    dataset: Place | None = None,
    data_dir: Place | None = None,
) -> Path:
    """Exports a run, or several as one, as the next version of a model to serve.

    Args:
        run: The run, or several.
        directory: The model's folder; by default the run's. Nothing in it is overwritten.
        model_format: A format of `fgmix export`, such as `"savedmodel"` or `"onnx"`.
        quantize: `"int8"` for a quarter of the size, with `model_format="litert"`.
        top_k: The largest number of labels in an answer.
        precision_target: Accept as many predictions as possible with this precision, such as 0.95.
        coverage_target: Accept this fraction of the predictions, the most confident.
        unknown_target: Don't accept images that lie farther from all classes than this fraction of
            the validation images, such as 0.95.
        tta: Test-time augmentation, as for `predict`.
        dataset: Where the run's images are now, which a target, ONNX and LiteRT need.
        data_dir: The folder of a named data set.

    Returns:
        The version's folder. Its README.md is the model card.

    Raises:
        FgmixError: If a value is not allowed, the target can't be reached, images are missing, or
            the format can't represent the model.

    Example:
        ```python
        version = fgmix.export(run, "models/photos", precision_target=0.95)
        ```
    """
    if model_format not in FORMATS:
        raise FgmixError(f"model_format {model_format!r}: choose one of {', '.join(FORMATS)}")
    check_top_k(top_k)
    check_quantize(quantize, model_format)
    check_unknown(unknown_target, quantize)
    target = Target.of(precision=precision_target, coverage=coverage_target)
    ensemble = _ensemble(run, tta)
    if directory is None and len(ensemble.runs) > 1:
        raise FgmixError("several runs make a model of their own: give its folder")
    import_tensorflow()
    from fgmix.workflows.export import export_run

    return export_run(
        ensemble,
        ensemble.first.directory if directory is None else Path(directory),
        top_k=top_k,
        model_format=model_format,
        quantize=quantize,
        target=target,
        unknown=unknown_target,
        dataset=_text(dataset),
        data_dir=_text(data_dir),
    )


def compare(
    runs: Place | Sequence[Place],
    baseline: str | None = None,
    *,
    difference: float | None = None,
) -> "Comparison":
    """Tests whether one group of runs is better than another. Needs no TensorFlow and no images.

    Args:
        runs: Folders of finished runs, and folders that hold runs.
        baseline: A group's name, or a value of a setting, such as `"none"` or `"vgg16"`; by default
            attention `none`, or else the first group.
        difference: The points of accuracy for which the seeds needed are computed.

    Returns:
        The comparison: its `accuracies` and `contrasts`. `print` shows them, a line each.

    Raises:
        FgmixError: If a run can't be read or the runs can't be compared.

    Example:
        ```python
        for contrast in fgmix.compare(["saved_models"]).contrasts:
            print(contrast.sentence)
        ```
    """
    from fgmix.comparison.contrasts import as_fraction
    from fgmix.comparison.contrasts import compare as compare_groups
    from fgmix.comparison.study import open_study

    target = as_fraction(difference)
    places = [runs] if isinstance(runs, str | Path) else runs
    return compare_groups(open_study(places), baseline, target)


def check(
    dataset: Place,
    *,
    data_dir: Place | None = None,
    split_seed: int = 0,
    columns: str | None = None,
    backbone: str | None = None,
    weights: str | None = None,
    output: Place | None = None,
) -> "Audit":
    """Reads every image of a data set once and reports what would hurt training.

    Args:
        dataset: Name of a data set, a folder or a table.
        data_dir: The folder of a named data set, or of a table's images.
        split_seed: Seed of the split, if the data set has none.
        columns: The names of a table's columns, as for `evaluate`.
        backbone: Name of a backbone to also compare the images by: it finds smaller parts of a
            picture, and classes that look like two.
        weights: Its weights, `"imagenet"` or the path of a file; by default `"imagenet"`.
        output: Folder for report.html and report.json; by default nothing is written.

    Returns:
        The audit: its `findings`, whether they hurt (`hurts`), and the whole `record`. `print`
        shows the report.

    Raises:
        FgmixError: If the data set does not exist or contains nothing to audit, or the backbone
            can't be built.

    Example:
        ```python
        audit = fgmix.check("photos/")
        [finding.summary for finding in audit.findings if finding.hurts]
        ```
    """
    from fgmix.audit.features import choose_backbone
    from fgmix.audit.load import load_subject

    choice = choose_backbone(backbone, weights)
    subject = load_subject(str(dataset), _text(data_dir), split_seed, columns)
    import_tensorflow()
    from fgmix.audit.report import audit_dataset

    return audit_dataset(subject, None if output is None else Path(output), choice)


def _open(run: Run | Place) -> Run:
    return run if isinstance(run, Run) else Run.open(run)


def _ensemble(runs: Runs, tta: str) -> Ensemble:
    given = [runs] if isinstance(runs, Run | str | Path) else runs
    if not given:
        raise FgmixError("no run is given: give one, or several")
    return Ensemble(tuple(_open(run) for run in given), tta)


def _text(place: Place | None) -> str | None:
    return None if place is None else str(place)
