"""What image files in cost over pixels in: a SavedModel against the bare model.

    python benchmarks/serving_throughput.py --batches 8 1

Exports an untrained classifier, loads it again, and asks `serving_default` with JPEG files of
500 x 300 pixels and, in turn with it, the model as it was built with the same photos decoded and
resized beforehand. Each time is the median over the repeats. The ratio is of images a second.
"""

import argparse
import io
import json
import tempfile
import time
from datetime import date
from importlib.metadata import version
from pathlib import Path

import numpy as np
from audit_speed import draw
from machine import processor

from fgmix.cli.main import import_tensorflow

RESULT = Path(__file__).parent / "results" / "serving_throughput.json"
CLASSES = 196


def main() -> None:
    """Exports, measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backbone", default="resnet50")
    parser.add_argument("--attention", default="mixed")
    parser.add_argument("--batches", type=int, nargs="+", default=[8, 1])
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--note", default="", help="what else the record should say")
    args = parser.parse_args()

    import_tensorflow()
    import tensorflow as tf

    from fgmix.data.decode import load_batch
    from fgmix.models import build_classifier
    from fgmix.serving.export import export_saved_model
    from fgmix.serving.signatures import Classifier

    model = build_classifier(CLASSES, args.backbone, args.attention, weights="none")
    names = tuple(f"class {number}" for number in range(CLASSES))
    with tempfile.TemporaryDirectory() as folder:
        export_saved_model(Classifier(model, names), Path(folder) / "1")
        loaded = tf.saved_model.load(str(Path(folder) / "1"))
    served = loaded.signatures["serving_default"]
    size = model.input_shape[1]
    bare = tf.function(lambda images: model(images, training=False))
    decode = tf.function(lambda contents: load_batch(contents, size))

    rows = []
    for batch in args.batches:
        contents = tf.constant(photos(batch))
        images, _ = decode(contents)
        calls = {
            "bytes": lambda contents=contents: served(image_bytes=contents)["probabilities"],
            "bare": lambda images=images: bare(images),
            "decoding": lambda contents=contents: decode(contents)[0],
        }
        seconds = timed(calls, args.repeats)
        rows.append(
            {
                "batch": batch,
                "bytes_images_per_second": round(batch / seconds["bytes"], 2),
                "bare_images_per_second": round(batch / seconds["bare"], 2),
                "ratio": round(seconds["bare"] / seconds["bytes"], 3),
                "decoding_alone_ms": round(1000 * seconds["decoding"], 1),
            }
        )
        print(rows[-1])

    record = {
        "settings": {k: v for k, v in vars(args).items() if k != "note"} | {"image_size": size},
        "results": rows,
        "note": args.note,
        "machine": processor(),
        "date": date.today().isoformat(),
        "versions": {name: version(name) for name in ("tensorflow", "keras", "numpy")},
    }
    RESULT.write_text(json.dumps(record, indent=2) + "\n")
    print(RESULT)


def photos(count: int) -> list[bytes]:
    """JPEG files."""
    rng = np.random.default_rng(0)
    files = []
    for _ in range(count):
        buffer = io.BytesIO()
        draw(rng).save(buffer, "JPEG", quality=90)
        files.append(buffer.getvalue())
    return files


def timed(calls: dict, repeats: int) -> dict[str, float]:
    """The median seconds of each call; they take turns, so that other work slows all alike."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(repeats + 2):
        for name, call in calls.items():
            start = time.perf_counter()
            call().numpy()
            if turn >= 2:
                seconds[name].append(time.perf_counter() - start)
    return {name: float(np.median(values)) for name, values in seconds.items()}


if __name__ == "__main__":
    main()
