"""The model card: what a person must know before using an exported model."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fgmix.data.codec.headers import MAX_PIXELS
from fgmix.data.sources.registry import terms_of_use
from fgmix.evaluation.calibration import Abstention, Selection
from fgmix.evaluation.metrics import standard_error
from fgmix.models.backbones.registry import BACKBONES
from fgmix.runs.run import Run
from fgmix.serving.choices import TOP
from fgmix.tables import markdown_table

HARDEST = 5
MEASURED = {"test": "test photos", "fold": "photos of the fold held out"}


@dataclass(frozen=True)
class Calibration:
    """An `Abstention`, what was asked for, and what it comes to.

    Attributes:
        target: What was asked for, such as `"precision 0.95"`.
        abstention: What was chosen on the validation photos.
        validation: What it comes to there.
        test: What it comes to on the test photos.
    """

    target: str
    abstention: Abstention
    validation: Selection
    test: Selection


SAVED_MODEL_USE = """\
| signature | input | outputs |
|---|---|---|
| `serving_default` | `image_bytes`: string `[n]`, encoded JPEG, PNG, BMP, GIF (first frame) \
or still WebP | `probabilities [n, {classes}]`, `top_probabilities [n, {top}]`, \
`top_labels [n, {top}]`, {accepted}`valid [n]` |
| `serving_tensor` | `images`: float32 `[n, {size}, {size}, 3]`, RGB 0 to 255 | \
`probabilities [n, {classes}]`{and_accepted} |
| `explain` | `image_bytes`: string `[n]` | `probabilities [n, {classes}]`, `heatmap [n, h, w]` \
(0 to 1, where it looks), {accepted}`valid [n]` |

A row that can't be decoded, or has more than {megapixels} megapixels, gets `valid` false and zeros;
it changes no other row.

```python
import tensorflow as tf

serve = tf.saved_model.load("{folder}").signatures["serving_default"]
serve(image_bytes=tf.constant([open("photo.jpg", "rb").read()]))
```

Over REST: `{{"inputs": {{"image_bytes": [{{"b64": "..."}}]}}}}`.
"""

ONNX_USE = """\
The input `images` is float32 `[n, {size}, {size}, 3]`, RGB 0 to 255: photos decoded upright{crop}
and resized to {size} x {size} pixels, bilinearly with antialiasing. The outputs are
`probabilities [n, {classes}]`{and_accepted}; `labels.txt` has the classes in their order.

```python
import onnxruntime

session = onnxruntime.InferenceSession("{folder}/model.onnx")
session.run(["probabilities"], {{session.get_inputs()[0].name: images}})
```
"""

USES = {"savedmodel": SAVED_MODEL_USE, "onnx": ONNX_USE}


def write_card(
    run: Run,
    metrics: dict[str, Any],
    folder: str,
    model_format: str = "savedmodel",
    top_k: int = TOP,
    calibration: Calibration | None = None,
) -> str:
    """Writes the card's text, in Markdown.

    Args:
        run: The run that is exported.
        metrics: What is, or will be, in its `metrics.json`.
        folder: The name of the folder that the export is in.
        model_format: A name from `USES`.
        top_k: How many labels an answer holds at most.
        calibration: How answers are calibrated and chosen; None if they are not.
    """
    config, classes = run.config, len(run.class_names)
    use = USES[model_format].format(
        classes=classes,
        top=min(top_k, classes),
        size=config.image_size,
        folder=folder,
        megapixels=MAX_PIXELS // 1_000_000,
        crop=f", without their lowest {run.crop_bottom} pixel rows" if run.crop_bottom else "",
        accepted="`accepted [n]`, " if calibration else "",
        and_accepted=", `accepted [n]`" if calibration else "",
    )
    sections = {
        "What it is for": _purpose(run, calibration),
        "How to ask it": use,
        "How good it is": _metrics(run, metrics),
        "When it answers": _abstention(calibration),
        "How it was made": _making(run),
        "Terms": _terms(run),
    }
    text = "\n\n".join(f"## {title}\n\n{text.strip()}" for title, text in sections.items())
    return f"# {run.directory.resolve().name}, version {folder}\n\n{text}\n"


def _purpose(run: Run, calibration: Calibration | None) -> str:
    unsure = (
        "not `accepted`, at best"
        if calibration
        else "and nothing in the answer says so: the probabilities are not calibrated"
    )
    return f"""\
It tells {len(run.class_names)} look-alike classes apart in photos like those it was trained on:
{run.data["name"]}, one object a photo. A photo of anything else is given one of these classes too,
{unsure}. Photos of other cameras, places or croppings than the training photos' may do
worse than the numbers below. It was not made for decisions on people."""


def _metrics(run: Run, metrics: dict[str, Any]) -> str:
    count = metrics["num_examples"]
    accuracies = {
        "top-1": metrics["top1"],
        f"top-{min(5, len(run.class_names))}": metrics["top5"],
    }
    rows = {
        name: f"{value:.1%} ± {standard_error(value, count):.1%}"
        for name, value in accuracies.items()
    }
    rows |= {
        "mean of the classes' accuracies": f"{metrics['mean_per_class']:.1%}",
        "cross-entropy, not calibrated": f"{metrics['loss']:.3f}",
    }
    hardest = sorted(metrics["per_class"].items(), key=lambda item: item[1])[:HARDEST]
    shown = ", ".join(f"{name} {value:.0%}" for name, value in hardest)
    return "\n".join(
        [
            f"On {count:,} {MEASURED[run.config.measured_split]}, by which nothing was chosen "
            "(± is the standard error):\n",
            _table(rows),
            f"\nThe hardest classes: {shown}.",
        ]
    )


def describe(selection: Selection, split: str) -> str:
    """Coverage, and precision with its interval, in words."""
    text = f"{selection.coverage:.1%} of {selection.images:,} {split} photos accepted"
    if not selection.accepted:
        return text
    low, high = selection.precision_interval()
    return (
        f"{text}, {selection.precision:.1%} of them rightly classified "
        f"(95 % interval: {low:.1%} to {high:.1%})"
    )


def _abstention(calibration: Calibration | None) -> str:
    if calibration is None:
        return "Always: it was exported without calibration and without a threshold."
    abstention, photos = calibration.abstention, calibration.validation.images
    measured = {"validation": calibration.validation, "test": calibration.test}
    table = _table({split: describe(found, split) for split, found in measured.items()})
    return f"""\
`accepted` tells whether the largest probability reaches {abstention.threshold:.4f}. Asked for was
{calibration.target}. The threshold and the temperature {abstention.temperature:.4f}, by which all
probabilities are calibrated, were chosen on {photos:,} validation photos.

{table}

What was chosen on {photos:,} photos hits its target elsewhere only about as well as the intervals
say, and only on photos of the same kind. The test line is the one to rely on."""


def _table(rows: Mapping[str, str]) -> str:
    return markdown_table(("", ""), rows.items(), (True, True))


def _making(run: Run) -> str:
    config = run.config
    counts = ", ".join(f"{count:,} {split}" for split, count in run.data["num_images"].items())
    rows = {
        "data set": f"{run.data['name']}: {len(run.class_names)} classes, photos: {counts}",
        "backbone": f"{config.backbone}, weights: {Path(config.weights).name}",
        "attention": config.attention,
        "image size": f"{config.image_size} x {config.image_size} pixels",
        "recipe": f"{config.recipe}, epochs: {config.epochs}, seed {config.seed}",
        "versions": ", ".join(f"{name} {v}" for name, v in run.versions.items()),
    }
    return _table(rows)


def _terms(run: Run) -> str:
    source = BACKBONES[run.config.backbone].source
    text = (
        f"{terms_of_use(run.config.dataset)} Whether they bind the model too is for you to judge."
    )
    if source and run.config.weights == "imagenet":
        text += f" The backbone's ImageNet weights are under {source.licence}."
    return text
