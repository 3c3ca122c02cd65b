"""Export of a classifier as ONNX: the signature `serving_tensor`, checked on real images.

ONNX has no operation that decodes image files, so clients decode and resize.
"""

import gc
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from fgmix.errors import FgmixError
from fgmix.files import replacing
from fgmix.lazy import import_optional
from fgmix.models.ensemble import with_maps, without_maps
from fgmix.models.nested import every_layer
from fgmix.serving.export import refuse_existing, write_companions
from fgmix.serving.inference import InferenceGraph
from fgmix.serving.signatures import Classifier, every_output, input_spec

FILE = "model.onnx"
OPSET = 18
LIMITS = {"probabilities": 1e-4, "distance": 1e-3}
"""The largest difference of each output."""
HALF = ("float16", "bfloat16", "mixed_float16", "mixed_bfloat16")
GROUP, PURPOSE = "onnx", "--format onnx"


def require_onnx() -> None:
    """Checks that the packages for ONNX are installed.

    Raises:
        FgmixError: If one is missing.
    """
    for module in ("tf2onnx", "onnxruntime"):
        import_optional(module, GROUP, PURPOSE)


def export_onnx(
    classifier: Classifier, directory: Path, card: str, image_files: Sequence[str]
) -> float:
    """Writes `model.onnx` with labels and model card; atomic.

    Args:
        classifier: The classifier to export. It is written in float32 whatever its precision.
        directory: A folder that does not exist.
        card: The text of the model card.
        image_files: The images on which onnxruntime and TensorFlow are compared.

    Returns:
        The largest difference between their probabilities.

    Raises:
        FileExistsError: If `directory` exists.
        FgmixError: If a package of the group `onnx` is missing, an operation has no ONNX
            equivalent, or an output differs by more than its limit (`LIMITS`).
    """
    tf2onnx = import_optional("tf2onnx", GROUP, PURPOSE)
    refuse_existing(directory)
    model = in_float32(classifier.model)
    answer = tf.function(
        every_output(replace(classifier, model=model, graph=InferenceGraph(model))),
        input_signature=[input_spec("serving_tensor", model)],
        autograph=False,
    )
    images, valid = classifier.load(tf.stack([tf.io.read_file(file) for file in image_files]))
    images = images[valid]
    directory.parent.mkdir(parents=True, exist_ok=True)
    with replacing(directory) as beside:
        beside.mkdir()
        thresholds = gc.get_threshold()
        try:
            proto, _ = tf2onnx.convert.from_function(
                answer,
                input_signature=answer.input_signature,
                opset=OPSET,
                custom_op_handlers={"Erfc": (_erfc, [])},
                custom_rewriter=[_collect_often],
            )
        finally:
            gc.set_threshold(*thresholds)
            gc.unfreeze()
        # TensorFlow sorts outputs by name; clients may take them by their place.
        outputs = sorted(proto.graph.output, key=lambda output: output.name == "distance")
        del proto.graph.output[:]
        proto.graph.output.extend(outputs)
        (beside / FILE).write_bytes(proto.SerializeToString())
        expected = answer(images)
        differences = {
            name: float(
                np.abs(run_onnx(beside / FILE, images.numpy(), name) - expected[name]).max()
            )
            for name in LIMITS
            if name in expected
        }
        for name, difference in differences.items():
            if not difference <= LIMITS[name]:
                raise FgmixError(
                    f"the ONNX model is not written: its output {name} differs by {difference:.1e} "
                    f"from the model's on {len(images)} test photos (limit: {LIMITS[name]:g})"
                )
        write_companions(beside, classifier.class_names, card)
    return differences["probabilities"]


def in_float32(model: keras.Model) -> keras.Model:
    """Returns a model that computes in float32 with the weights of `model`.

    A backbone may contain operations that are no layers, such as `x + y`. They have no precision of
    their own, except casts.
    """
    if all(layer.compute_dtype == "float32" for layer in every_layer(model)):
        return model
    whole = with_maps(model)
    copy = keras.models.clone_model(
        whole,
        clone_function=lambda operation: type(operation).from_config(
            _with_float32(operation.get_config())
        ),
    )
    copy.set_weights(whole.get_weights())
    return without_maps(copy, like=model)


def _with_float32(config: Any) -> Any:
    """Returns a config in which every half precision is float32, in nested configs too."""
    if isinstance(config, dict):
        if config.get("class_name") == "DTypePolicy":
            return "float32"
        return {
            key: "float32" if key == "dtype" and value in HALF else _with_float32(value)
            for key, value in config.items()
        }
    if isinstance(config, list | tuple):
        return type(config)(_with_float32(item) for item in config)
    return config


def _collect_often(graph: Any, operations: Any) -> Any:
    """Keeps tf2onnx from holding dozens of copies of the weights at a time; changes no graph.

    tf2onnx copies the whole graph before each of its optimizations. The copies are reference
    cycles of few objects and hundreds of megabytes, and Python's garbage collector is triggered by
    the number of objects. It is therefore run often, without the objects that exist already.
    """
    gc.collect()
    gc.freeze()
    gc.collect()  # resets the counters
    gc.set_threshold(100, 1, 1)
    return operations


def run_onnx(file: Path, images: np.ndarray, output: str = "probabilities") -> np.ndarray:
    """Returns an output computed by onnxruntime."""
    onnxruntime = import_optional("onnxruntime", GROUP, PURPOSE)
    try:
        session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises one class per error code
        reason = str(error).splitlines()[0][:200]
        raise FgmixError(f"this model can't be written as ONNX: {reason}") from error
    [given] = session.get_inputs()
    [found] = session.run([output], {given.name: images})
    return found


def _erfc(graph: Any, node: Any, name: str, args: Any) -> None:
    """Replaces `erfc(x)`, which exact GELU needs and ONNX lacks, by `1 - erf(x)`."""
    shape, dtype = graph.get_shape(node.output[0]), graph.get_dtype(node.output[0])
    one = graph.make_const(f"{name}_one", np.ones([], np.float32))
    erf = graph.make_node("Erf", node.input[:1], shapes=[shape], dtypes=[dtype])
    graph.remove_node(name)
    graph.make_node(
        "Sub",
        [one.output[0], erf.output[0]],
        name=name,
        outputs=node.output[:1],
        shapes=[shape],
        dtypes=[dtype],
    )
