"""How long an answer takes: an export's two ways in, and the same model in onnxruntime.

    python benchmarks/serving_latency.py --backbone mobilenet_v2

Exports an untrained classifier as SavedModel and as ONNX, and asks in turn, so that other work on
the machine slows all alike: `serving_default` with JPEG files of 500 x 300 pixels,
`serving_tensor` with the same photos decoded and resized beforehand, and onnxruntime with those
pixels. All have the machine's cores to themselves while they are asked, with the libraries' own
numbers of threads. The table shows the fastest answer, the median and the 95th percentile in
milliseconds; the ratios are of medians, and above one means that onnxruntime is faster.
"""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from machine import circumstances
from serving_throughput import photos

from fgmix.cli.main import import_tensorflow

RESULTS = Path(__file__).parent / "results"
CLASSES = 196
WARM_UP, FEWEST = 3, 10
WAYS = {
    "bytes": "image files in, TensorFlow",
    "tensor": "pixels in, TensorFlow",
    "onnxruntime": "pixels in, onnxruntime",
}


def measure(args: argparse.Namespace) -> list[dict]:
    """Exports a classifier and times it.

    Returns:
        A row for every batch size.
    """
    import keras
    import onnxruntime
    import tensorflow as tf

    from fgmix.data.decode import load_batch
    from fgmix.models import build_classifier
    from fgmix.serving.export import export_saved_model
    from fgmix.serving.onnx import FILE, export_onnx
    from fgmix.serving.signatures import Classifier

    keras.utils.set_random_seed(0)
    model = build_classifier(CLASSES, args.backbone, args.attention, weights="none")
    classifier = Classifier(model, tuple(f"class {number}" for number in range(CLASSES)))
    contents = photos(max(args.batches))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = [folder / f"{number}.jpg" for number in range(4)]
        for file, content in zip(files, contents, strict=False):
            file.write_bytes(content)
        export_saved_model(classifier, folder / "1")
        difference = export_onnx(classifier, folder / "onnx", "", [str(file) for file in files])
        signatures = tf.saved_model.load(str(folder / "1")).signatures
        session = onnxruntime.InferenceSession(
            str(folder / "onnx" / FILE), providers=["CPUExecutionProvider"]
        )
    [given] = session.get_inputs()
    rows = []
    for batch in args.batches:
        encoded = tf.constant(contents[:batch])
        images, _ = load_batch(encoded, model.input_shape[1])
        pixels = images.numpy()
        calls: dict[str, Callable[[], Any]] = {
            "bytes": lambda encoded=encoded: signatures["serving_default"](image_bytes=encoded)[
                "probabilities"
            ].numpy(),
            "tensor": lambda images=images: signatures["serving_tensor"](images=images)[
                "probabilities"
            ].numpy(),
            "onnxruntime": lambda pixels=pixels: session.run(
                ["probabilities"], {given.name: pixels}
            ),
        }
        taken = timed(calls, args.repeats, args.seconds)
        median = {name: float(np.median(values)) for name, values in taken.items()}
        rows.append(
            {
                "backbone": args.backbone,
                "batch": batch,
                "turns": len(taken["bytes"]),
                "milliseconds": {
                    name: {
                        "fastest": round(1000 * min(values), 2),
                        "median": round(1000 * median[name], 2),
                        "p95": round(1000 * float(np.percentile(values, 95)), 2),
                    }
                    for name, values in taken.items()
                },
                "onnxruntime_speed_over_tensor": round(median["tensor"] / median["onnxruntime"], 3),
                "onnxruntime_speed_over_bytes": round(median["bytes"] / median["onnxruntime"], 3),
                "largest_difference_of_a_probability": difference,
            }
        )
        print(show(rows[-1]), flush=True)
    return rows


def timed(calls: dict[str, Callable[[], Any]], repeats: int, most: float) -> dict[str, list[float]]:
    """The seconds of each call, which take turns in an order that is drawn anew each time.

    Args:
        calls: What is timed.
        repeats: How many turns, if they take no longer than `most`.
        most: Seconds after which there are no more turns than `FEWEST`.
    """
    began = time.perf_counter()
    chance = random.Random(0)
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(repeats + WARM_UP):
        if turn >= FEWEST + WARM_UP and time.perf_counter() - began > most:
            break
        for name in chance.sample(list(calls), len(calls)):
            start = time.perf_counter()
            calls[name]()
            if turn >= WARM_UP:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def show(row: dict[str, Any]) -> str:
    """A row of the table, in Markdown."""
    times = [
        "{fastest:.0f} / {median:.0f} / {p95:.0f}".format(**row["milliseconds"][way])
        for way in WAYS
    ]
    ratios = [f"{row[f'onnxruntime_speed_over_{way}']:.2f}" for way in ("tensor", "bytes")]
    return " | ".join(["", row["backbone"], str(row["batch"]), *times, *ratios, ""]).strip()


def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backbone", default="mobilenet_v2")
    parser.add_argument("--attention", default="mixed")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--repeats", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=120, help="that a batch size may take")
    parser.add_argument("--note", default="", help="what else the record should say")
    args = parser.parse_args()

    import_tensorflow()
    heads = ["backbone", "batch", *WAYS.values(), "onnxruntime over pixels", "over image files"]
    print(" | ".join(["", *heads, ""]).strip())
    print("|---" * len(heads) + "|")
    rows = measure(args)
    record = {
        **circumstances(args.note, "tensorflow", "keras", "onnxruntime", "tf2onnx", "numpy"),
        "settings": {k: v for k, v in vars(args).items() if k != "note"},
        "results": rows,
    }
    (RESULTS / f"serving_latency_{args.backbone}.json").write_text(
        json.dumps(record, indent=2) + "\n"
    )


if __name__ == "__main__":
    main()
