"""The model card: what users need to know about an exported model."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fgmix.data.codec.headers import MAX_PIXELS
from fgmix.data.importing.note import describe_crops
from fgmix.data.sources.registry import terms_of_use
from fgmix.evaluation.metrics import name_of_top5, standard_error
from fgmix.models.backbones.registry import BACKBONES, shown_name
from fgmix.models.cost_table import millions
from fgmix.runs.ensemble import Ensemble, as_ensemble
from fgmix.runs.run import Run
from fgmix.serving.abstention_card import Calibration, abstention_section, distance_section
from fgmix.serving.choices import TOP
from fgmix.tables import markdown_table, markdown_text

if TYPE_CHECKING:
    from fgmix.models.cost import Cost

HARDEST = 5
MEASURED = {"test": "test photos", "fold": "photos of the fold held out"}


@dataclass(frozen=True)
class Averaging:
    """What an export that averages runs or views of an image costs and brings.

    Attributes:
        cost: The cost of the whole model.
        single: The cost of its first run alone, on the image as it is.
        split: The split that the whole model was measured on; None if it was not measured.
    """

    cost: "Cost"
    single: "Cost"
    split: str | None


SAVED_MODEL_USE = """\
| signature | input | outputs |
|---|---|---|
| `serving_default` | `image_bytes`: string `[n]`, encoded JPEG, PNG, BMP, GIF (first frame) \
or still WebP | `probabilities [n, {classes}]`, `top_probabilities [n, {top}]`, \
`top_labels [n, {top}]`, {others}`valid [n]` |{of_pixels}
| `explain` | `image_bytes`: string `[n]` | `probabilities [n, {classes}]`, `heatmap [n, h, w]` \
(0 to 1, where the model looks), {others}`valid [n]` |

An image that can't be decoded, or has more than {megapixels} megapixels, gets `valid` false and
zeros; other rows are not affected.

```python
import tensorflow as tf

serve = tf.saved_model.load("{folder}").signatures["serving_default"]
serve(image_bytes=tf.constant([open("photo.jpg", "rb").read()]))
```

Over REST: `{{"inputs": {{"image_bytes": [{{"b64": "..."}}]}}}}`.
"""

OF_PIXELS = """
| `serving_tensor` | `images`: float32 `[n, {size}, {size}, 3]`, RGB 0 to 255 | \
`probabilities [n, {classes}]`{and_pixels} |"""

ONNX_USE = """\
The input `images` is float32 `[n, {size}, {size}, 3]`, RGB 0 to 255: photos decoded upright{crop}
and resized to {size} x {size} pixels, bilinearly with antialiasing. The outputs are
`probabilities [n, {classes}]`{and_others}; `labels.txt` has the classes in their order.

```python
import onnxruntime

session = onnxruntime.InferenceSession("{folder}/model.onnx")
session.run(["probabilities"], {{session.get_inputs()[0].name: images}})
```
"""

LITERT_USE = """\
The signature `serving_default` takes `images`, float32 `[1, {size}, {size}, 3]`, RGB 0 to 255: one
photo decoded upright{crop} and resized to {size} x {size} pixels, bilinearly with antialiasing. It
gives `probabilities [1, {classes}]`, `heatmap [1, h, w]` (where the model looks: 0 to 1, in int8
not scaled){and_others}; `labels.txt` has the classes in their order.

```python
from ai_edge_litert.interpreter import Interpreter

run = Interpreter("{folder}/model.tflite").get_signature_runner("serving_default")
run(images=images)["probabilities"]
```
"""

USES = {"savedmodel": SAVED_MODEL_USE, "onnx": ONNX_USE, "litert": LITERT_USE}

AVERAGED = {
    "savedmodel": " A photo is decoded once. The heat map of `explain` is the mean of the maps, "
    "each scaled to the range 0 to 1 first.",
    "onnx": "",
    "litert": " The heat map is the mean of the maps, each scaled to the range 0 to 1 first (in "
    "int8 not).",
}
"""What the card of each format says of averaging."""


def write_card(
    source: Run | Ensemble,
    metrics: dict[str, Any],
    folder: str,
    model_format: str = "savedmodel",
    top_k: int = TOP,
    calibration: Calibration | None = None,
    averaging: Averaging | None = None,
    distance: bool = True,
) -> str:
    """Returns the text of the model card, in Markdown.

    Args:
        source: The run that is exported, or several.
        metrics: The content of its `metrics.json`. If anything is averaged, those of the whole
            model, if it was measured.
        folder: The name of the export's folder.
        model_format: A name from `USES`.
        top_k: The most labels in a prediction.
        calibration: The calibration and the threshold; None if there is none.
        averaging: What averaging costs and brings; None if nothing is averaged.
        distance: Whether the export has the output `distance`, if its runs have class means.
    """
    ensemble = as_ensemble(source)
    distance = distance and bool(ensemble.class_means)
    sections = {
        "What it is for": _purpose(ensemble, calibration, distance),
        "How to use it": _use(ensemble, folder, model_format, top_k, calibration, distance),
        "What it averages": _averaging(ensemble, averaging, model_format) if averaging else "",
        "How good it is": _quality(ensemble, metrics, averaging),
        "When to trust it": abstention_section(calibration),
        "Photos of something else": distance_section(ensemble) if distance else "",
        "How it was trained": _making(ensemble),
        "Terms": "\n\n".join(dict.fromkeys(_terms(run) for run in ensemble.runs)),
    }
    text = "\n\n".join(f"## {title}\n\n{text.strip()}" for title, text in sections.items() if text)
    return f"# {markdown_text(ensemble.name)}, version {folder}\n\n{text}\n"


def _use(
    ensemble: Ensemble,
    folder: str,
    model_format: str,
    top_k: int,
    calibration: Calibration | None,
    distance: bool,
) -> str:
    classes, sizes = len(ensemble.class_names), _sizes(ensemble)
    rows = ensemble.crop_bottom
    given = {"distance": distance, "accepted": calibration}
    others = [f"`{name} [n]`" for name, found in given.items() if found]
    words = {
        "classes": classes,
        "size": sizes[0],
        "and_others": "".join(f", {name}" for name in others),
        # Without a threshold, this signature has one output only.
        "and_pixels": "".join(f", {name}" for name in others) if calibration else "",
    }
    return USES[model_format].format(
        top=min(top_k, classes),
        folder=folder,
        megapixels=MAX_PIXELS // 1_000_000,
        crop=f", without their lowest {rows} pixel rows" if rows else "",
        others="".join(f"{name}, " for name in others),
        of_pixels="" if len(sizes) > 1 else OF_PIXELS.format(**words),
        **words,
    )


def _sizes(ensemble: Ensemble) -> list[int]:
    """Returns the different image sizes of the runs."""
    return list(dict.fromkeys(run.config.image_size for run in ensemble.runs))


def _purpose(run: Ensemble, calibration: Calibration | None, distance: bool) -> str:
    unsure = "and the output does not show it: the probabilities are not calibrated"
    if calibration:
        unsure = "at best with `accepted` false"
    elif distance:
        unsure = "at best with a `distance` above 1"
    name = markdown_text(", ".join(dict.fromkeys(one.data["name"] for one in run.runs)))
    cropped = [one.data["crops"] for one in run.runs if one.data.get("crops")]
    crops = "".join(f"\n\n{text}" for text in dict.fromkeys(map(describe_crops, cropped)))
    return f"""\
The model distinguishes {len(run.class_names)} similar classes in photos like those it was trained
on: {name}, one object per photo. It assigns one of these classes to a photo of anything
else too, {unsure}. Accuracy may be lower than reported below on photos from other
cameras or places, or cropped differently. It is not meant for decisions about people.{crops}"""


def _averaging(ensemble: Ensemble, averaging: Averaging, model_format: str) -> str:
    whole, single = averaging.cost, averaging.single
    rows = [
        (name, f"{cost.parameters:,}", millions(cost.multiply_adds))
        for name, cost in (
            ("this model", whole),
            (f"{_name(ensemble.first)} alone, on the photo as it is", single),
        )
    ]
    text = f"The probabilities are {ensemble.describe()}."
    if whole.multiply_adds is not None and single.multiply_adds:
        text += (
            f" That takes {whole.multiply_adds / single.multiply_adds:.2g} times the multiply-adds "
            f"of {markdown_text(_name(ensemble.first))} alone."
        )
    text += AVERAGED[model_format]
    sizes = _sizes(ensemble)
    if len(sizes) > 1:
        text += (
            f" The runs see it at {' and '.join(map(str, sizes))} pixels, so there is no signature "
            "that takes pixels."
        )
    head = ("", "parameters", "multiply-adds for a photo, millions")
    return f"{text}\n\n{markdown_table(head, rows, (True, False, False))}"


def _quality(ensemble: Ensemble, metrics: dict[str, Any], averaging: Averaging | None) -> str:
    classes = len(ensemble.class_names)
    if averaging is None:
        return _metrics(metrics, ensemble.first.config.measured_split, classes)
    recorded = [
        (_name(run), run.config.measured_split, run.metrics)
        for run in ensemble.runs
        if averaging.split is None or ensemble.measured_alike(run, averaging.split)
    ]
    head = ("alone, on the photo as it is", "top-1", "cross-entropy", "photos")
    rows = [
        (
            name,
            _share(found["top1"], found["num_examples"]),
            f"{found['loss']:.3f}",
            f"{found['num_examples']:,} {split}",
        )
        for name, split, found in recorded
    ]
    alone = markdown_table(head, rows, (True, False, False, False)) if rows else ""
    if averaging.split is None:
        return (
            "What the averaging brings was not measured when the model was exported. Its runs were "
            f"measured when they were trained:\n\n{alone}"
        )
    measured = _metrics(metrics, averaging.split, classes)
    return f"{measured}\n\nWithout averaging, on the same photos:\n\n{alone}" if rows else measured


def _name(run: Run) -> str:
    return run.directory.resolve().name


def _share(value: float, count: int) -> str:
    return f"{value:.1%} ± {standard_error(value, count):.1%}"


def _metrics(metrics: dict[str, Any], split: str, classes: int) -> str:
    count = metrics["num_examples"]
    accuracies = {
        "top-1": metrics["top1"],
        name_of_top5(classes): metrics["top5"],
    }
    rows = {name: _share(value, count) for name, value in accuracies.items()}
    rows |= {
        "mean accuracy per class": f"{metrics['mean_per_class']:.1%}",
        "cross-entropy, before calibration": f"{metrics['loss']:.3f}",
    }
    hardest = sorted(metrics["per_class"].items(), key=lambda item: item[1])[:HARDEST]
    shown = ", ".join(f"{name} {value:.0%}" for name, value in hardest)
    return "\n".join(
        [
            f"On {count:,} {MEASURED[split]}, which were not used for any "
            "choice (± is the standard error):\n",
            _table(rows),
            f"\nThe hardest classes: {markdown_text(shown)}.",
        ]
    )


def _table(rows: Mapping[str, str]) -> str:
    return markdown_table(("", ""), rows.items(), (True, True))


def _making(ensemble: Ensemble) -> str:
    if len(ensemble.runs) == 1:
        return _training(ensemble.first)
    return "\n\n".join(
        f"### {markdown_text(_name(run))}\n\n{_training(run)}" for run in ensemble.runs
    )


def _training(run: Run) -> str:
    config, settings = run.config, run.trained_with
    few = "" if settings is config else " for few photos"
    counts = ", ".join(f"{count:,} {split}" for split, count in run.data["num_images"].items())
    rows = {
        "data set": f"{run.data['name']}: {len(run.class_names)} classes, photos: {counts}",
        "backbone": f"{shown_name(config.backbone)}, weights: {Path(config.weights).name}",
        "attention": config.attention,
        "image size": f"{config.image_size} x {config.image_size} pixels",
        "recipe": f"{config.recipe}{few}, epochs: {settings.epochs}, seed {config.seed}",
        "versions": ", ".join(f"{name} {v}" for name, v in run.versions.items()),
    }
    return _table(rows)


def _terms(run: Run) -> str:
    source = BACKBONES[run.config.backbone].source
    text = f"{terms_of_use(run.config.dataset)} Check whether they also apply to the model."
    if source and run.config.weights == "imagenet":
        named = f"under {source.licence}" if source.licence else "under their publisher's licence"
        text += f" The backbone's pretrained weights are {named}."
    return text
