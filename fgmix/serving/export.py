"""Export of a classifier as a SavedModel in a version folder of TensorFlow Serving."""

from dataclasses import replace
from pathlib import Path

import tensorflow as tf

from fgmix.failpoints import failpoint
from fgmix.files import replacing
from fgmix.serving.inference import InferenceGraph, inference_graph
from fgmix.serving.signatures import SIGNATURES, Classifier, input_spec, signatures_of
from fgmix.serving.warmup import write_warmup

EXTRA = "assets.extra"
LABELS, CARD = "labels.txt", "README.md"


def next_version(directory: Path) -> Path:
    """Returns the next version folder: `1` if there is none yet."""
    folders = directory.iterdir() if directory.is_dir() else []
    taken = [int(path.name) for path in folders if path.name.isdecimal()]
    return directory / str(max(taken, default=0) + 1)


def export_saved_model(classifier: Classifier, directory: Path, card: str = "") -> None:
    """Writes the signatures that the model can have, warm-up requests and labels; atomic.

    The signatures share one graph: the classifier's, or else the model's `inference_graph`.

    Args:
        classifier: The classifier to export.
        directory: The version folder, such as `RUN/1`. It must not exist.
        card: The text of the model card; none is written if it is empty.

    Raises:
        FileExistsError: If `directory` exists.
    """
    refuse_existing(directory)
    graph = classifier.graph or inference_graph(classifier.model)
    classifier = replace(classifier, graph=graph)
    # Keras's ExportArchive would trace each signature twice.
    signatures = {
        name: tf.function(SIGNATURES[name](classifier), autograph=False).get_concrete_function(
            input_spec(name, classifier.model)
        )
        for name in signatures_of(classifier.model)
    }
    with replacing(directory) as beside:
        tf.saved_model.save(_holding(graph), str(beside), signatures)
        failpoint("export")
        (beside / EXTRA).mkdir()
        write_warmup(beside / EXTRA, classifier.model)
        write_companions(beside, classifier.class_names, card)


def _holding(graph: InferenceGraph) -> tf.Module:
    """Returns a module that holds a graph's variables, to be saved with the signatures."""
    module = tf.Module()
    module.variables_of_model = graph.kept
    return module


def refuse_existing(directory: Path) -> None:
    """Checks that an export overwrites nothing.

    Raises:
        FileExistsError: If `directory` exists.
    """
    if directory.exists():
        raise FileExistsError(f"{directory} exists: a version is never overwritten")


def write_companions(directory: Path, class_names: tuple[str, ...], card: str) -> None:
    """Writes the labels, one per line in output order, and the model card."""
    labels = "".join(f"{name}\n" for name in class_names)
    (directory / LABELS).write_text(labels, encoding="utf-8")
    if card:
        (directory / CARD).write_text(card, encoding="utf-8")
