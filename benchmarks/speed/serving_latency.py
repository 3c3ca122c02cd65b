"""The latency of predictions: an export's two signatures, and the same model in onnxruntime.

    python -m benchmarks.speed.serving_latency --backbone mobilenet_v2

Exports an untrained classifier as SavedModel and as ONNX, and queries them alternately, so that
other load on the machine slows all alike: `serving_default` with JPEG files of 500 x 300 pixels,
`serving_tensor` with the same images decoded and resized beforehand, and onnxruntime with those
pixels, once with its default, threads that spin while waiting, and once with threads that sleep.
Each has the machine's cores to itself during its turn, with the library's default number of
threads. The table shows the least, median and 95th percentile latency in milliseconds; the
ratios are of medians of onnxruntime's better form, and above one means that it is faster. The
images a second are the batch over the median.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.lib.machine import circumstances
from benchmarks.lib.photos import encoded as photos
from benchmarks.lib.records import Record, markdown, script_parser, write
from benchmarks.lib.rounds import take_turns, timed
from fgmix.backend import import_tensorflow

CLASSES = 196
CHECKED = 4
"""Images on which the ONNX file is compared with the model at export."""
WARM_UP, FEWEST = 3, 10
WAYS = {
    "bytes": "image files in, TensorFlow",
    "tensor": "pixels in, TensorFlow",
    "onnxruntime": "pixels in, onnxruntime",
    "onnxruntime_asleep": "the same, threads sleep",
}


def measure(args: argparse.Namespace) -> list[dict]:
    """Exports a classifier and times it.

    Returns:
        A row for every batch size.
    """
    import keras
    import onnxruntime
    import tensorflow as tf

    from fgmix.data.codec.batch import load_batch
    from fgmix.models import build_classifier
    from fgmix.serving.export import export_saved_model
    from fgmix.serving.onnx import FILE, export_onnx
    from fgmix.serving.signatures import Classifier

    keras.utils.set_random_seed(0)
    model = build_classifier(CLASSES, args.backbone, args.attention, weights="none")
    classifier = Classifier(model, tuple(f"class {number}" for number in range(CLASSES)))
    contents = photos(max(*args.batches, CHECKED))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        files = [folder / f"{number}.jpg" for number in range(CHECKED)]
        for file, content in zip(files, contents, strict=False):
            file.write_bytes(content)
        export_saved_model(classifier, folder / "1")
        difference = export_onnx(classifier, folder / "onnx", "", [str(file) for file in files])
        signatures = tf.saved_model.load(str(folder / "1")).signatures
        sessions = {}
        for name, spins in (("onnxruntime", "1"), ("onnxruntime_asleep", "0")):
            options = onnxruntime.SessionOptions()
            options.add_session_config_entry("session.intra_op.allow_spinning", spins)
            sessions[name] = onnxruntime.InferenceSession(
                str(folder / "onnx" / FILE), options, providers=["CPUExecutionProvider"]
            )
    [given] = sessions["onnxruntime"].get_inputs()
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
            **{
                name: lambda pixels=pixels, session=session: session.run(
                    ["probabilities"], {given.name: pixels}
                )
                for name, session in sessions.items()
            },
        }
        taken = take_turns(
            {name: timed(call) for name, call in calls.items()},
            args.repeats,
            warm_up=WARM_UP,
            seconds=args.seconds,
            fewest=FEWEST,
        )
        median = {name: float(np.median(values)) for name, values in taken.items()}
        peer = min(median[name] for name in sessions)
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
                "onnxruntime_speed_over_tensor": round(median["tensor"] / peer, 3),
                "onnxruntime_speed_over_bytes": round(median["bytes"] / peer, 3),
                "largest_difference_of_a_probability": difference,
            }
        )
    return rows


def table(record: Record) -> str:
    """Returns the table of milliseconds, ratios, and images a second."""
    ways = [way for way in WAYS if way in record["results"][0]["milliseconds"]]
    rows = []
    for row in record["results"]:
        found = row["milliseconds"]
        rates = [f"{1000 * row['batch'] / found[way]['median']:.1f}" for way in ways]
        rows.append(
            [
                f"`{row['backbone']}`",
                row["batch"],
                *("{fastest:.0f} / {median:.0f} / {p95:.0f}".format(**found[way]) for way in ways),
                *(f"{row[f'onnxruntime_speed_over_{way}']:.2f}" for way in ("tensor", "bytes")),
                " / ".join(rates),
            ]
        )
    head = ["backbone", "batch", *(WAYS[way] for way in ways)]
    head += ["onnxruntime over pixels", "over image files", "images/s of each"]
    return markdown(head, rows)


def main() -> None:
    """Measures, prints and writes."""
    parser = script_parser(__doc__)
    parser.add_argument("--backbone", default="mobilenet_v2")
    parser.add_argument("--attention", default="mixed")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--repeats", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=120, help="that a batch size may take")
    args = parser.parse_args()

    import_tensorflow()
    record = {
        **circumstances(args.note, "tensorflow", "keras", "onnxruntime", "tf2onnx", "numpy"),
        "settings": {k: v for k, v in vars(args).items() if k not in ("note", "output")},
        "results": measure(args),
    }
    write("serving_latency", record, args.output, args.backbone)
    print(table(record))


if __name__ == "__main__":
    main()
