"""The gain of fgmix's recipe `strong` over hand-written fine-tuning.

    python -m benchmarks.accuracy.plain_finetuning --data-dir DIR --weights FILE --epochs 15

The peers are `keras.applications` with global average pooling and a softmax, Adam, and `model.fit`
on `image_dataset_from_directory`, as in Keras's guide to transfer learning: `guide` trains the
new layer on the frozen backbone for two thirds of the epochs and then everything at 1e-5; `whole`
trains everything from the start at 1e-4. All contenders get the same images, weights, image size
and epochs, each in a separate process, and the time is that of the whole command; the order
changes with the seed. Accuracy is on the test images after the last epoch.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.lib.commands import run_timed
from benchmarks.lib.machine import circumstances
from benchmarks.lib.paths import ROOT
from benchmarks.lib.records import Record, markdown, script_parser, write
from benchmarks.lib.rounds import show, spread

PEERS = ("guide", "whole")
BACKBONES = {
    "mobilenet_v2": ("MobileNetV2", "mobilenet_v2"),
    "resnet50": ("ResNet50", "resnet50"),
    "vgg16": ("VGG16", "vgg16"),
}
PEER = """
import sys
import keras

root, weights, name, module, mode, size, epochs, seed = sys.argv[1:]
size, epochs = int(size), int(epochs)
keras.utils.set_random_seed(int(seed))
read = dict(label_mode="categorical", image_size=(size, size), batch_size=32)
train = keras.utils.image_dataset_from_directory(root + "/train", seed=int(seed), **read)
test = keras.utils.image_dataset_from_directory(root + "/test", shuffle=False, **read)
classes = len(train.class_names)
application = getattr(keras.applications, module)
base = getattr(keras.applications, name)(
    include_top=False, weights=None if weights == "none" else weights, input_shape=(size, size, 3))

inputs = keras.Input((size, size, 3))
x = keras.layers.RandomFlip("horizontal")(inputs)
x = keras.layers.RandomRotation(0.1)(x)
x = application.preprocess_input(x)
x = base(x, training=False)
x = keras.layers.GlobalAveragePooling2D()(x)
x = keras.layers.Dropout(0.2)(x)
outputs = keras.layers.Dense(classes, activation="softmax")(x)
model = keras.Model(inputs, outputs)

def fit(trainable, rate, count):
    base.trainable = trainable
    model.compile(keras.optimizers.Adam(rate), "categorical_crossentropy", metrics=["accuracy"])
    model.fit(train.prefetch(2), epochs=count, verbose=2)

first = 2 * epochs // 3 if mode == "guide" else 0
if first:
    fit(False, 1e-3, first)
fit(True, 1e-5 if mode == "guide" else 1e-4, epochs - first)
print(model.evaluate(test.prefetch(2), verbose=0)[1])
"""


def link_photos(dataset: Any, root: Path) -> None:
    """Creates class folders of links to a data set's images, for `image_dataset_from_directory`."""
    for split in ("train", "test"):
        labels = dataset.splits[split].labels
        for number, (file, label) in enumerate(zip(dataset.files(split), labels, strict=True)):
            link = root / split / f"{label:04d}" / f"{number:06d}{Path(file).suffix}"
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(Path(file).resolve())


def timed(command: list[str], stored: Path) -> tuple[str, dict[str, float]]:
    """Runs a command; returns its output, its minutes, and its minutes of processor time."""
    output, times = run_timed(command, stored)
    return output, {name.replace("seconds", "minutes"): x / 60 for name, x in times.items()}


def run_fgmix(args: argparse.Namespace, attention: str, seed: int, scratch: Path) -> dict[str, Any]:
    """Trains recipe `strong` on all training images, and returns the finished run."""
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        run = Path(folder) / "run"
        flags = {
            "dataset": args.dataset,
            **({"data-dir": args.data_dir} if args.data_dir else {}),
            "backbone": args.backbone,
            "weights": args.weights,
            "recipe": "strong",
            "pooling": "avg",
            "batch-size": "32",
            "attention": attention,
            "image-size": str(args.image_size),
            "epochs": str(args.epochs),
            "val-fraction": "0",
            "seed": str(seed),
            "run-dir": str(run),
        }
        words = [word for name, value in flags.items() for word in (f"--{name}", value)]
        _, times = timed([sys.executable, str(ROOT / "train.py"), *words], scratch / "tfds")
        metrics = json.loads((run / "metrics.json").read_text())
    return {"top1": metrics["top1"], "test_photos": metrics["num_examples"], **times}


def run_peer(args: argparse.Namespace, mode: str, seed: int, scratch: Path) -> dict[str, Any]:
    """Trains by hand-written code, on links to the same images."""
    words = [str(scratch / "photos"), args.weights, *BACKBONES[args.backbone], mode]
    words += [str(args.image_size), str(args.epochs), str(seed)]
    output, times = timed([sys.executable, "-c", PEER, *words], scratch / "tfds")
    return {"top1": float(output.split()[-1]), **times}


def table(record: Record) -> str:
    """Returns the table of accuracy and minutes of each contender over the seeds."""
    by_name: dict[str, list[Record]] = {}
    for row in record["rows"]:
        by_name.setdefault(row["contender"], []).append(row)
    rows = []
    for name, found in by_name.items():
        cells = [
            show(spread([100 * row["top1"] for row in found]), 1),
            *(show(spread([row[key] for row in found]), 1) for key in KEYS),
        ]
        rows.append([name, len(found), *cells])
    head = ["contender", "seeds", "top-1 %", "minutes", "minutes of a processor"]
    first = record["rows"][0]
    error = 100 * float(np.sqrt(first["top1"] * (1 - first["top1"]) / record["test_photos"]))
    return markdown(head, rows) + (
        f"\n`{record['dataset']}`: {record['classes']} classes, {record['train_photos']} photos to "
        f"train on, {record['test_photos']} to test on (standard error of one run about "
        f"{error:.1f} points); `{record['backbone']}`, {record['image_size']} px, "
        f"{record['epochs']} epochs; median (least to most) of the seeds.\n"
    )


KEYS = ("minutes", "processor_minutes")


def main() -> None:
    """Runs every contender with every seed, and writes after each."""
    parser = script_parser(__doc__, variant=True)
    parser.add_argument("--dataset", default="cars")
    parser.add_argument("--data-dir", type=lambda p: str(Path(p).absolute()))
    parser.add_argument("--backbone", default="mobilenet_v2", choices=BACKBONES)
    parser.add_argument(
        "--weights",
        default="imagenet",
        type=lambda w: w if w in ("imagenet", "none") else str(Path(w).absolute()),
    )
    parser.add_argument("--attentions", nargs="+", default=["none", "mixed"])
    parser.add_argument("--peers", nargs="+", default=PEERS, choices=PEERS)
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    from fgmix.backend import import_tensorflow

    import_tensorflow()
    from fgmix.data.sources.registry import load_dataset

    dataset = load_dataset(args.dataset, args.data_dir, 0)
    contenders = [(f"fgmix `strong`, `{x}`", run_fgmix, x) for x in args.attentions]
    contenders += [(f"plain, `{x}`", run_peer, x) for x in args.peers]
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        link_photos(dataset, scratch / "photos")
        for seed in range(args.seeds):
            for name, run, what in contenders if seed % 2 == 0 else reversed(contenders):
                found = run(args, what, seed, scratch)
                rows.append({"contender": name, "seed": seed, **found})
                print(f"{name}, seed {seed}: {found['top1']:.3f}, {found['minutes']:.1f} minutes")
                record = {
                    **circumstances(args.note, "tensorflow", "keras", "numpy"),
                    "dataset": dataset.name,
                    **{k: getattr(args, k) for k in ("backbone", "image_size", "epochs")},
                    "classes": len(dataset.class_names),
                    "train_photos": len(dataset.splits["train"]),
                    "test_photos": len(dataset.splits["test"]),
                    "rows": rows,
                }
                write("plain_finetuning", record, args.output, args.variant)
    print(table(record))


if __name__ == "__main__":
    main()
