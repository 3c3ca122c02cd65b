"""What folding BatchNorm and constant weights bring to an export, beside onnxruntime.

    python -m benchmarks.speed.inference_graph --backbone mobilenet_v2

Exports an untrained classifier three times, as it was trained, with BatchNorm folded, and with
constant weights too, and as ONNX, and queries them in turn: each SavedModel with JPEG files of
500 x 300 pixels and with the same images decoded and resized beforehand, onnxruntime with those
pixels. All use the library's default number of threads. The ratios are of times, round by round,
and above one means that onnxruntime is faster. Processor time shows the work where other load on
the machine stretches the time; onnxruntime's includes threads that spin while they wait.
"""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.lib.machine import circumstances
from benchmarks.lib.photos import encoded as photos
from benchmarks.lib.records import Record, markdown, script_parser, write
from benchmarks.lib.rounds import ratios, show, spread, take_turns
from fgmix.backend import import_tensorflow

CLASSES = 196
CHECKED = 4
WARM_UP, FEWEST = 3, 10
BUSY = 0.5
"""The load average at the start from which the record says that the machine was busy."""
GRAPHS = {
    "as_trained": {"fold": False, "constants": False},
    "folded": {"constants": False},
    "constants": {},
}
SHOWN = {
    "as_trained": "as trained",
    "folded": "BatchNorm folded",
    "constants": "and constant weights",
    "decoding": "decoding alone",
    "onnxruntime": "onnxruntime",
}
Times = tuple[float, float]


def clocked(call: Callable[[], Any]) -> Callable[[], Times]:
    """Returns a function that calls `call` and returns its time and its processor time."""

    def measure() -> Times:
        began, used = time.perf_counter(), time.process_time()
        call()
        return time.perf_counter() - began, time.process_time() - used

    return measure


def measure(args: Any) -> list[dict]:
    """Exports a classifier and times it.

    Returns:
        A row for every batch size, with the seconds of every contender.
    """
    import keras
    import onnxruntime
    import tensorflow as tf

    from fgmix.data.codec.batch import load_batch
    from fgmix.models import build_classifier
    from fgmix.serving.export import export_saved_model
    from fgmix.serving.inference import InferenceGraph
    from fgmix.serving.onnx import FILE, export_onnx
    from fgmix.serving.signatures import Classifier

    keras.utils.set_random_seed(0)
    model = build_classifier(
        CLASSES, args.backbone, args.attention, weights="none", pooling=args.pooling
    )
    names = tuple(f"class {number}" for number in range(CLASSES))
    contents = photos(max(*args.batches, CHECKED))
    signatures = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        files = [folder / f"{number}.jpg" for number in range(CHECKED)]
        for file, content in zip(files, contents, strict=False):
            file.write_bytes(content)
        for name, settings in GRAPHS.items():
            classifier = Classifier(model, names, graph=InferenceGraph(model, **settings))
            export_saved_model(classifier, folder / name)
            signatures[name] = tf.saved_model.load(str(folder / name)).signatures
        export_onnx(Classifier(model, names), folder / "onnx", "", [str(file) for file in files])
        session = onnxruntime.InferenceSession(
            str(folder / "onnx" / FILE), providers=["CPUExecutionProvider"]
        )
    [given] = session.get_inputs()
    decode = tf.function(lambda contents: load_batch(contents, model.input_shape[1])[0])
    rows = []
    for batch in args.batches:
        encoded = tf.constant(contents[:batch])
        images = decode(encoded)
        pixels = images.numpy()
        calls: dict[str, Callable[[], Any]] = {}
        for name in GRAPHS:
            for way, signature, inputs in (
                ("files", "serving_default", {"image_bytes": encoded}),
                ("pixels", "serving_tensor", {"images": images}),
            ):
                call = signatures[name][signature]
                calls[f"{name}_{way}"] = lambda call=call, inputs=inputs: call(**inputs)[
                    "probabilities"
                ].numpy()
        calls["decoding"] = lambda encoded=encoded: decode(encoded).numpy()
        calls["onnxruntime"] = lambda pixels=pixels: session.run(
            ["probabilities"], {given.name: pixels}
        )
        taken = take_turns(
            {name: clocked(call) for name, call in calls.items()},
            args.repeats,
            warm_up=WARM_UP,
            seconds=args.seconds,
            fewest=FEWEST,
        )
        elapsed, used = (
            {name: [times[clock] for times in found] for name, found in taken.items()}
            for clock in (0, 1)
        )
        rows.append(
            {
                "batch": batch,
                "turns": len(taken["decoding"]),
                "milliseconds": in_milliseconds(elapsed),
                "processor_milliseconds": in_milliseconds(used),
                "over_onnxruntime": {
                    name: ratios(found, elapsed["onnxruntime"]) for name, found in elapsed.items()
                },
            }
        )
    return rows


def in_milliseconds(seconds: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    """Returns the spread of each contender's times."""
    return {name: spread([1000 * s for s in found]) for name, found in seconds.items()}


def table(record: Record) -> str:
    """Returns milliseconds, ratios to onnxruntime and processor time, a row for each contender."""
    rows = []
    for row in record["results"]:
        for name, found in row["milliseconds"].items():
            contender, _, way = name.rpartition("_") if name.rpartition("_")[0] else (name, "", "")
            rows.append(
                [
                    row["batch"],
                    ", ".join(filter(None, [SHOWN[contender], f"{way} in" if way else ""])),
                    show(found, 1),
                    show(row["over_onnxruntime"][name]),
                    f"{row['processor_milliseconds'][name]['median']:.1f}",
                ]
            )
    head = ["batch", "", "milliseconds", "times onnxruntime's", "processor milliseconds"]
    busy = " **The machine was busy: only an order of magnitude.**" if record["busy"] else ""
    return (
        markdown(head, rows)
        + f"\n`{record['backbone']}` with `{record['attention']}`, pooling `{record['pooling']}`, "
        f"untrained, {CLASSES} classes, 224 px; median (least to most).{busy}\n"
    )


def main() -> None:
    """Measures, prints and writes."""
    parser = script_parser(__doc__)
    parser.add_argument("--backbone", default="mobilenet_v2")
    parser.add_argument("--attention", default="mixed")
    parser.add_argument("--pooling", default="flatten")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--repeats", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=120, help="that a batch size may take")
    args = parser.parse_args()

    busy = os.getloadavg()[0] > BUSY
    import_tensorflow()
    record = {
        **circumstances(args.note, "tensorflow", "keras", "onnxruntime", "tf2onnx", "numpy"),
        "busy": busy,
        "backbone": args.backbone,
        "attention": args.attention,
        "pooling": args.pooling,
        "results": measure(args),
    }
    write("inference_graph", record, args.output)
    print(table(record))


if __name__ == "__main__":
    main()
