"""Export of a classifier for LiteRT (TensorFlow Lite): phones and small computers.

The LiteRT model takes the pixels of one image and gives probabilities and a heat map. It uses
built-in operations only, which every LiteRT runtime has. It is compared with the model it was made
from right after writing.
"""

import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tensorflow as tf

from fgmix.errors import FgmixError
from fgmix.explanation.energy import mean_energy
from fgmix.files import replacing
from fgmix.lazy import import_optional
from fgmix.models.ensemble import image_sizes
from fgmix.serving.export import refuse_existing, write_companions
from fgmix.serving.inference import InferenceGraph, inference_graph
from fgmix.serving.onnx import in_float32
from fgmix.serving.signatures import Classifier, Outputs, every_output

FILE = "model.tflite"
PACKAGE, GROUP, PURPOSE = "ai_edge_litert", "litert", "--format litert"
SIGNATURE = "serving_default"
BATCH = 16
LARGEST_DIFFERENCE = 1e-4
"""Of a probability, for a model that is not quantized."""


@dataclass(frozen=True)
class Comparison:
    """A LiteRT model beside the model that it was made from, on test images.

    Attributes:
        images: The number of images.
        difference: The largest difference of a probability.
        top1: The top-1 accuracy of the model, and of the LiteRT model.
        size: The size of the file in bytes.
        calibrated_on: The number of training images that chose the ranges of int8; 0 for float32.
    """

    images: int
    difference: float
    top1: tuple[float, float]
    size: int
    calibrated_on: int = 0

    def __str__(self) -> str:
        before, after = self.top1
        return (
            f"{self.images:,} test photos: largest difference of a probability "
            f"{self.difference:.1e}, top-1 {before:.1%} before and {after:.1%} after; "
            f"{self.size / 1e6:.1f} MB"
        )

    def section(self) -> str:
        """Returns the section of the model card."""
        kind = (
            f"int8: the ranges of weights and activations were chosen on {self.calibrated_on:,} "
            f"training photos. Inputs and outputs are float32 all the same"
            if self.calibrated_on
            else "float32"
        )
        title = "What the conversion changes"
        return f"\n## {title}\n\nThe model is {kind}. Beside the model before, on {self}.\n"


def require_litert() -> None:
    """Checks that LiteRT is installed.

    Raises:
        FgmixError: If it is missing.
    """
    import_optional(PACKAGE, GROUP, PURPOSE)


def export_litert(
    classifier: Classifier,
    directory: Path,
    card: str,
    test: tuple[Sequence[str], Sequence[int]],
    calibration: Sequence[str] = (),
) -> Comparison:
    """Writes `model.tflite` with labels and model card; atomic.

    Args:
        classifier: The classifier to export. It is written in float32 whatever its precision.
        directory: A folder that does not exist.
        card: The text of the model card, to which the comparison is added.
        test: The image files on which both models are compared, and their labels.
        calibration: Training image files. If there are any, weights and activations become int8,
            with the ranges that they have on these images.

    Returns:
        How the written model compares.

    Raises:
        FileExistsError: If `directory` exists.
        FgmixError: If LiteRT is not installed, lacks an operation of the model, or gives other
            probabilities than the model, by more than `LARGEST_DIFFERENCE`, without `calibration`.
    """
    require_litert()
    refuse_existing(directory)
    model = in_float32(classifier.model)
    classifier = replace(classifier, model=model, graph=inference_graph(model))
    pixels = list(_pixels(classifier, calibration))
    content = convert(classifier, pixels)
    files, labels = test
    rows = list(_pixels(classifier, files))
    answer = every_output(classifier)
    expected = [answer(x)["probabilities"].numpy()[0] for x in rows]
    directory.parent.mkdir(parents=True, exist_ok=True)
    with replacing(directory) as beside:
        beside.mkdir()
        (beside / FILE).write_bytes(content)
        found = run_litert(beside / FILE, rows)
        comparison = _compare(np.array(expected), found, labels, len(content), len(pixels))
        if not calibration and not comparison.difference <= LARGEST_DIFFERENCE:
            raise FgmixError(
                f"the LiteRT model is not written: its probabilities differ by "
                f"{comparison.difference:.1e} from the model's on {len(rows)} test photos "
                f"(limit: {LARGEST_DIFFERENCE:g})"
            )
        write_companions(beside, classifier.class_names, card and card + comparison.section())
    return comparison


def convert(classifier: Classifier, calibration: Sequence[np.ndarray] = ()) -> bytes:
    """Returns the content of a LiteRT file.

    Its signature takes `images`, float32 `[1, S, S, 3]` in RGB 0 to 255, and gives `probabilities
    [1, K]`, `heatmap [1, h, w]` and, if there is a threshold, `accepted [1]`. In int8 the heat map
    is not scaled to [0, 1].

    Args:
        classifier: In float32.
        calibration: Images as the signature takes them, for int8; none for float32.

    Raises:
        FgmixError: If LiteRT has no built-in operation for a part of the model.
    """
    size = image_sizes(classifier.model)
    graph = classifier.graph or InferenceGraph(classifier.model)

    @tf.function(input_signature=[tf.TensorSpec([1, size, size, 3], tf.float32, name="images")])
    def call(images: tf.Tensor) -> Outputs:
        probabilities, *maps = graph(images)
        return classifier.answer(probabilities, maps) | {
            "heatmap": mean_energy(maps, scaled=not calibration)
        }

    with tempfile.TemporaryDirectory() as folder:
        module = tf.Module()
        module.kept = graph.kept
        tf.saved_model.save(module, folder, {SIGNATURE: call.get_concrete_function()})
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[SIGNATURE])
        converter.experimental_enable_resource_variables = False  # freezes what is no constant
        if calibration:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = lambda: ({"images": x} for x in calibration)
            converter.target_spec.supported_ops = [
                tf.lite.OpsSet.TFLITE_BUILTINS_INT8,
                tf.lite.OpsSet.TFLITE_BUILTINS,  # for what has no form in int8
            ]
        try:
            return bytes(converter.convert())
        except Exception as error:  # the converter raises its own classes, which are not public
            text = str(error)
            lacking = re.findall(r"(?:Select ops|Custom ops): ([^\n]+)", text)
            reason = f"no built-in operation for {lacking[0]}" if lacking else text.split("\n")[0]
            raise FgmixError(f"this model can't be written for LiteRT: {reason[:200]}") from error


def run_litert(
    file: Path, images: Sequence[np.ndarray], output: str = "probabilities"
) -> np.ndarray:
    """Returns an output of a LiteRT file for images, `[1, S, S, 3]` each."""
    litert = import_optional(f"{PACKAGE}.interpreter", GROUP, PURPOSE)
    run = litert.Interpreter(str(file)).get_signature_runner(SIGNATURE)
    # A copy, because the memory belongs to the interpreter.
    return np.array([np.array(run(images=x)[output][0]) for x in images])


def _pixels(classifier: Classifier, files: Sequence[str]) -> Iterator[np.ndarray]:
    """Yields the pixels of readable image files, `[1, S, S, 3]` each."""
    for start in range(0, len(files), BATCH):
        contents = [tf.io.read_file(file) for file in files[start : start + BATCH]]
        images, valid = classifier.load(tf.stack(contents))
        for image, readable in zip(images.numpy(), valid.numpy(), strict=True):
            if readable:
                yield image[np.newaxis]


def _compare(
    expected: np.ndarray, found: np.ndarray, labels: Sequence[int], size: int, calibrated_on: int
) -> Comparison:
    top1 = tuple(float((rows.argmax(axis=1) == labels).mean()) for rows in (expected, found))
    return Comparison(
        images=len(found),
        difference=float(np.abs(found - expected).max()),
        top1=(top1[0], top1[1]),
        size=size,
        calibrated_on=calibrated_on,
    )
