"""The cost and gain of the resized cache, and whether its memory depends on the number of images.

    python -m benchmarks.speed.preparation --images 150 600

Draws JPEGs of 2 megapixels with about as many bytes as photographs. For every number of images and
every recipe's augmentation, a separate process builds the cache and then runs epochs of the input
pipeline alone, on the images and on the cache. Drawing is not timed.
"""

import json
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.lib.machine import circumstances, peak_mebibytes
from benchmarks.lib.records import script_parser, write
from benchmarks.lib.workers import measure_apart
from fgmix.backend import import_tensorflow

WIDTH, HEIGHT, CLASSES, BATCH = 1632, 1224, 10, 32
RECIPES_READ = ("paper", "strong")


def draw(file: Path, seed: int) -> None:
    """Draws a picture with structure at every scale and some noise, like a photograph."""
    rng = np.random.default_rng(seed)
    pixels = rng.normal(0, 4, (HEIGHT, WIDTH, 1)).repeat(3, axis=2)
    for cells, strength in ((6, 60), (25, 30), (100, 20), (400, 12)):
        small = rng.normal(128, strength, (cells, cells, 3)).clip(0, 255).astype(np.uint8)
        pixels += Image.fromarray(small).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    pixels = (pixels / 4).clip(0, 255).astype(np.uint8)
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(file, quality=95)


def draw_photos(root: Path, count: int) -> None:
    """Draws `count` training images and one test image per class."""
    files = [root / f"train/class{i % CLASSES}/{i:05d}.jpg" for i in range(count)]
    files += [root / f"test/class{i}/0.jpg" for i in range(CLASSES)]
    with ProcessPoolExecutor() as pool:
        list(pool.map(draw, files, range(len(files)), chunksize=8))


def measure(root: str, recipe: str, epochs: int) -> dict[str, Any]:
    """Prepares a folder of images in this process and reads epochs of both kinds."""
    import_tensorflow()
    from fgmix.config.recipes import RECIPES
    from fgmix.data.pipeline import steps_per_epoch, training_batches
    from fgmix.data.resized_cache.build import build_resized_cache
    from fgmix.data.sources.folder import load_folder

    dataset = load_folder(Path(root))
    settings = {"image_size": 224, "augmentation": RECIPES[recipe].augmentation}
    before = peak_mebibytes()
    start = time.perf_counter()
    resized = build_resized_cache(dataset, **settings)
    seconds = time.perf_counter() - start
    peak = peak_mebibytes()

    start = time.perf_counter()
    build_resized_cache(dataset, **settings)
    again = time.perf_counter() - start

    steps = steps_per_epoch(len(dataset.splits["train"]), BATCH)

    def epoch(first: int, source: dict) -> tuple[float, float]:
        """Returns the elapsed and processor seconds of an epoch after a warm-up epoch."""
        batches = training_batches(
            dataset,
            batch_size=BATCH,
            seed=0,
            first_step=first * steps,
            epochs=first + 2,
            resized=source,
            **settings,
        )
        for step, _ in enumerate(batches, 1):
            if step == steps:
                start, cpu = time.perf_counter(), time.process_time()
        return time.perf_counter() - start, time.process_time() - cpu

    # Alternately, so that other load on the machine slows down both.
    pairs = [(epoch(i, {}), epoch(i, resized)) for i in range(epochs)]
    photos, copied = (np.median([pair[k] for pair in pairs], axis=0) for k in (0, 1))
    count = len(dataset.splits["train"])
    read = steps * BATCH
    return {
        "images": count,
        "recipe": recipe,
        "augmentation": settings["augmentation"],
        "copies": len(resized),
        "photo_kilobytes": sum(c.original_bytes for c in resized.values()) / count / 1000,
        "copy_kilobytes": sum(c.bytes for c in resized.values()) / count / 1000,
        "images_per_second_preparing": count / seconds,
        "seconds_when_already_prepared": again,
        "peak_mebibytes_before": before,
        "peak_mebibytes_preparing": peak,
        "peak_mebibytes_after_epochs": peak_mebibytes(),
        "epoch_images_per_second": {"photos": read / photos[0], "copies": read / copied[0]},
        "epoch_processor_ms_per_image": {
            "photos": 1000 * photos[1] / read,
            "copies": 1000 * copied[1] / read,
        },
        "epoch_speedup": photos[0] / copied[0],
    }


def main() -> None:
    """Draws, measures, prints and writes."""
    parser = script_parser(__doc__)
    parser.add_argument("--images", type=int, nargs="+", default=[150, 600])
    parser.add_argument("--epochs", type=int, default=2)
    args = parser.parse_args()
    rows = []
    for count in args.images:
        with tempfile.TemporaryDirectory() as scratch:
            photos = Path(scratch) / "photos"
            draw_photos(photos, count)
            for recipe in RECIPES_READ:
                settings = {"root": str(photos), "recipe": recipe, "epochs": args.epochs}
                function = "benchmarks.speed.preparation:measure"
                rows.append(measure_apart(function, settings, {"TFDS_DATA_DIR": scratch}))
                print(json.dumps(rows[-1], indent=2), flush=True)
    record = {
        **circumstances(args.note, "tensorflow", "numpy", "pillow"),
        "pixels": [WIDTH, HEIGHT],
        "image_size": 224,
        "runs": rows,
    }
    write("preparation", record, args.output)


if __name__ == "__main__":
    main()
