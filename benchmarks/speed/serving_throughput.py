"""The cost of image files as inputs over pixels: a SavedModel against the bare model.

    python -m benchmarks.speed.serving_throughput --batches 8 1

Exports an untrained classifier, loads it again, and runs `serving_default` on JPEG files of
500 x 300 pixels and, alternately, the original model on the same images decoded and resized
beforehand. The ratio is of images a second, by round.
"""

import tempfile
from pathlib import Path

from benchmarks.lib.machine import circumstances
from benchmarks.lib.photos import encoded
from benchmarks.lib.records import Record, markdown, script_parser, write
from benchmarks.lib.rounds import ratios, show, spread, take_turns, timed
from fgmix.backend import import_tensorflow

CLASSES = 196


def table(record: Record) -> str:
    """Returns images a second of both, and of decoding alone."""
    rows = []
    for row in record["results"]:
        batch, seconds = row["batch"], row["seconds"]
        rates = {name: spread([batch / s for s in found]) for name, found in seconds.items()}
        milliseconds = spread([1000 * s for s in seconds["decoding"]])
        ratio = show(row["bytes_over_bare"])
        rows.append(
            [batch, show(rates["bytes"]), show(rates["bare"]), show(milliseconds, 0), ratio]
        )
    head = ["batch", "image files in, images/s", "bare model, images/s", "decoding alone, ms"]
    return markdown([*head, "files over bare"], rows) + (
        f"\n`{record['backbone']}` with `{record['attention']}`, untrained, {CLASSES} classes, "
        f"{record['image_size']} px, JPEG files of 500 x 300 pixels; median (least to most) of "
        f"{record['repeats']} turns.\n"
    )


def main() -> None:
    """Exports, measures, prints and writes."""
    parser = script_parser(__doc__)
    parser.add_argument("--backbone", default="resnet50")
    parser.add_argument("--attention", default="mixed")
    parser.add_argument("--batches", type=int, nargs="+", default=[8, 1])
    parser.add_argument("--repeats", type=int, default=20)
    args = parser.parse_args()

    import_tensorflow()
    import tensorflow as tf

    from fgmix.data.codec.batch import load_batch
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
        contents = tf.constant(encoded(batch))
        images, _ = decode(contents)
        calls = {
            "bytes": lambda contents=contents: served(image_bytes=contents)[
                "probabilities"
            ].numpy(),
            "bare": lambda images=images: bare(images).numpy(),
            "decoding": lambda contents=contents: decode(contents)[0].numpy(),
        }
        seconds = take_turns(
            {name: timed(call) for name, call in calls.items()}, args.repeats, warm_up=2
        )
        rows.append(
            {
                "batch": batch,
                "seconds": seconds,
                "bytes_over_bare": ratios(seconds["bare"], seconds["bytes"]),
            }
        )
        record = {
            **circumstances(args.note, "tensorflow", "keras", "numpy"),
            "backbone": args.backbone,
            "attention": args.attention,
            "repeats": args.repeats,
            "image_size": size,
            "results": rows,
        }
        write("serving_throughput", record, args.output)
    print(table(record))


if __name__ == "__main__":
    main()
