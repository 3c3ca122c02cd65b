"""The cost of reading a training image: whole, only the used part, reduced, from memory.

    python -m benchmarks.speed.reading

Images of three sizes are drawn, and each is read and augmented by the recipe `strong`'s random
resized crop. The measure is the processor time per image, decoding and resizing, the least of a few
rounds; the resized cache (`--prepare auto`) is left to `preparation.py`. Resizing alone is measured
beside `tf.image.resize`, which gives the same pixels, and Pillow, whose are whole numbers.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.lib.machine import circumstances
from benchmarks.lib.records import script_parser, write
from benchmarks.lib.rounds import take_turns
from fgmix.backend import import_tensorflow

SIZES = [(250, 375), (700, 1000), (1200, 1800)]
PHOTOS = 16
RESIZED = [(224, 224), (375, 500), (1200, 1600), (3000, 4000)]
RESIZED_SIDE, REPEATS = 224, 8


def main() -> None:
    """Measures, prints the table and writes the record."""
    parser = script_parser(__doc__)
    parser.add_argument("--image-size", type=int, default=160)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    import_tensorflow()
    print("| photo | whole, ms | part | reduced | in memory |\n|---|---|---|---|---|")
    rows = []
    for height, width in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            found = measure(Path(folder), height, width, args)
        rows.append({"height": height, "width": width, "milliseconds": found})
        shown = " | ".join(f"{value:.1f}" for value in found.values())
        print(f"| {width} x {height} | {shown} |", flush=True)
    head = circumstances(args.note, "tensorflow", "numpy")
    settings = {"image_size": args.image_size, "photos": PHOTOS, "rounds": args.rounds}
    resized = resizing(args.rounds)
    settings |= {"resized_side": RESIZED_SIDE, "rows": rows, "resizing": resized}
    write("reading", head | settings, args.output)


def measure(folder: Path, height: int, width: int, args: argparse.Namespace) -> dict[str, float]:
    """Returns milliseconds of processor time per image, by the way of reading."""
    import tensorflow as tf
    from PIL import Image

    from fgmix.data.augment.registry import AUGMENTATIONS
    from fgmix.data.codec.decode import decode_image
    from fgmix.data.dataset import ImageDataset, Split
    from fgmix.data.image_reader import TrainingImages

    rng = np.random.default_rng(0)
    for number in range(PHOTOS):
        small = rng.integers(0, 256, (height // 12, width // 12, 3)).astype(np.uint8)
        image = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
        image.save(folder / f"{number}.jpg", quality=92)
    split = Split(tuple(f"{n}.jpg" for n in range(PHOTOS)), np.zeros(PHOTOS, np.int32))
    photos = TrainingImages(ImageDataset("drawn", folder, ("one", "two"), {"train": split}))
    crop = AUGMENTATIONS["random_resized_crop"]

    def whole(index: Any, seed: Any) -> Any:
        image = decode_image(tf.io.read_file(photos.files[index]))
        return crop.apply(image, tf.shape(image)[:2], args.image_size, seed)

    def with_reader(read: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        return lambda index, seed: crop.finish(read(index, seed), args.image_size, seed)

    ways = {
        "whole": whole,
        "part": with_reader(photos.reader(crop)),
        "reduced": with_reader(photos.reader(crop, reduce_to=args.image_size)),
        "memory": with_reader(photos.reader(crop, decoded=photos.decode())),
    }
    graphs = {
        name: tf.function(way).get_concrete_function(
            tf.TensorSpec([], tf.int32), tf.TensorSpec([2], tf.int64)
        )
        for name, way in ways.items()
    }
    least = dict.fromkeys(graphs, np.inf)
    for _ in range(args.rounds):  # alternately, so that other load on the machine affects all
        for name, graph in graphs.items():
            began = time.process_time()
            for number in range(PHOTOS):
                graph(tf.constant(number), tf.constant([number, 1], tf.int64))
            took = (time.process_time() - began) / PHOTOS * 1000
            least[name] = min(least[name], took)
    return least


def resizing(rounds: int) -> list[dict[str, Any]]:
    """Prints and returns milliseconds of processor time to resize an image, by the way."""
    import tensorflow as tf
    from PIL import Image

    from fgmix.data.codec.resize import resize

    size = [RESIZED_SIDE, RESIZED_SIDE]
    spec = [tf.TensorSpec([None, None, 3], tf.uint8)]
    plain = tf.function(lambda image: tf.image.resize(image, size, antialias=True), spec)
    ours = tf.function(lambda image: resize(image, size), spec)
    print("\n| resized | tf.image.resize, ms | fgmix | Pillow |\n|---|---|---|---|")
    rows = []
    for height, width in RESIZED:
        array = np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)
        image, picture = tf.constant(array), Image.fromarray(array)
        taken = take_turns(
            {
                "tensorflow": clocked(lambda image=image: plain(image)),
                "fgmix": clocked(lambda image=image: ours(image)),
                "pillow": clocked(
                    lambda picture=picture: picture.resize(size, Image.Resampling.BILINEAR)
                ),
            },
            rounds,
        )
        least = {name: min(found) for name, found in taken.items()}
        rows.append({"height": height, "width": width, "milliseconds": least})
        shown = " | ".join(f"{value:.2f}" for value in least.values())
        print(f"| {width} x {height} | {shown} |", flush=True)
    return rows


def clocked(call: Callable[[], Any]) -> Callable[[], float]:
    """Returns a function that returns a call's milliseconds of processor time."""

    def measure() -> float:
        began = time.process_time()
        for _ in range(REPEATS):
            call()
        return (time.process_time() - began) / REPEATS * 1000

    return measure


if __name__ == "__main__":
    main()
