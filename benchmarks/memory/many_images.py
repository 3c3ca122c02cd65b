"""Whether the memory of training grows with the number of images.

    python -m benchmarks.memory.many_images

Creates folders of up to 1,000,000 image files (hard links to 100 synthetic JPEGs, 100 classes). A
separate process for each size loads the data set as training does, reads a few hundred batches of
the first epoch, and reports its peak memory. Only what is stored per image may grow: its path,
label and size, but no pixels.
"""

import os
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.lib.machine import circumstances, peak_mebibytes
from benchmarks.lib.records import script_parser, write
from benchmarks.lib.workers import measure_apart
from fgmix.backend import import_tensorflow

CLASSES, DRAWN, SIDE, BATCH = 100, 100, 64, 32


def make_photos(root: Path, drawn: Path, count: int) -> None:
    """Creates a data set of `count` training images, and 2 test images per class."""
    files = sorted(drawn.iterdir())
    for label in range(CLASSES):
        for split, number in (("train", count // CLASSES), ("test", 2)):
            folder = root / split / f"class{label:03}"
            folder.mkdir(parents=True)
            for index in range(number):
                os.link(files[index % DRAWN], folder / f"photo{index:06}.jpg")


def draw_photos(folder: Path) -> None:
    """Draws the images to which all files are links."""
    rng = np.random.default_rng(0)
    for index in range(DRAWN):
        pixels = rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{index}.jpg")


def measure(root: str, steps: int) -> dict[str, float]:
    """Loads and reads one data set, in this process."""
    import_tensorflow()
    from fgmix.config.train_config import TrainConfig
    from fgmix.runs.images import load_splits
    from fgmix.training.inputs import image_inputs

    config = TrainConfig(
        dataset=root, image_size=32, batch_size=BATCH, recipe="strong", val_fraction=0.0
    ).resolve()
    began = time.perf_counter()
    inputs = image_inputs(config, load_splits(config))
    loaded = time.perf_counter() - began
    batches = iter(inputs.training(0))
    for _ in range(steps):
        next(batches)
    return {"seconds_to_load": loaded, "peak_mebibytes": peak_mebibytes()}


def main() -> None:
    """Measures every size, prints the table and writes the record."""
    parser = script_parser(__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=[1000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--steps", type=int, default=300, help="batches of 32 (default: 300)")
    args = parser.parse_args()
    rows = []
    print("| photos | seconds to load | most memory, MiB |\n|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as scratch:
        drawn = Path(scratch, "drawn")
        drawn.mkdir()
        draw_photos(drawn)
        for count in args.counts:
            root = Path(scratch, str(count))
            make_photos(root, drawn, count)
            settings = {"root": str(root), "steps": args.steps}
            row = {
                "photos": count,
                **measure_apart("benchmarks.memory.many_images:measure", settings),
            }
            rows.append(row)
            print(
                f"| {count:,} | {row['seconds_to_load']:.1f} | {row['peak_mebibytes']:,.0f} |",
                flush=True,
            )
    first, last = rows[0], rows[-1]
    grown = (last["peak_mebibytes"] - first["peak_mebibytes"]) * 2**20
    record = {
        **circumstances(args.note, "tensorflow", "keras", "numpy"),
        "steps": args.steps,
        "rows": rows,
        "bytes_a_photo": grown / (last["photos"] - first["photos"]),
    }
    print(f"{record['bytes_a_photo']:.0f} bytes a photo")
    write("many_images", record, args.output)


if __name__ == "__main__":
    main()
