"""The time from the command to the first training step, by part.

    python -m benchmarks.speed.startup
    python -m benchmarks.speed.startup --backbones mobilenet_v2 --recipe strong

For every backbone a separate process trains the classifier of a recipe (no attention, random
weights) for an epoch of three steps on synthetic images, and records the elapsed seconds since its
start, and the processor time, at the end of each part.
"""

import argparse
import tempfile
import time
from pathlib import Path

from benchmarks.lib.machine import circumstances
from benchmarks.lib.records import script_parser, write
from benchmarks.lib.workers import measure_apart

CLASSES, EACH = 2, 48
BACKBONES = ["tiny", "mobilenet_v2"]


def main() -> None:
    """Starts a process for every backbone, prints the table and writes the record."""
    parser = script_parser(__doc__)
    parser.add_argument("--backbones", nargs="+", default=BACKBONES)
    parser.add_argument("--recipe", default="strong")
    parser.add_argument("--image-size", type=int, default=160)
    parser.add_argument("--times", type=int, default=3, help="the least of so many is taken")
    args = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        draw(Path(folder))
        for backbone in args.backbones:
            runs = [start(args, backbone, folder) for _ in range(args.times)]
            least = {part: [min(run[part][i] for run in runs) for i in (0, 1)] for part in runs[0]}
            rows.append({"backbone": backbone, "seconds": least, "runs": runs})
            print(f"\n{backbone}\n\n| done | seconds | of the processor |\n|---|---|---|")
            for part, (wall, processor) in least.items():
                print(f"| {part} | {wall:.1f} | {processor:.1f} |", flush=True)
    head = circumstances(args.note, "tensorflow", "keras", "numpy")
    settings = {"recipe": args.recipe, "image_size": args.image_size, "batch_size": 32}
    write("startup", head | settings | {"rows": rows}, args.output)


def draw(folder: Path) -> None:
    """Draws photos of noise."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    for split, count in (("train", EACH), ("test", 2)):
        for label in range(CLASSES):
            place = folder / split / f"class{label}"
            place.mkdir(parents=True)
            for number in range(count):
                small = rng.integers(0, 256, (25, 37, 3)).astype(np.uint8)
                image = Image.fromarray(small).resize((375, 250), Image.Resampling.BICUBIC)
                image.save(place / f"{number}.jpg", quality=90)


def start(args: argparse.Namespace, backbone: str, folder: str) -> dict[str, list[float]]:
    """Measures in a new process."""
    settings = {"photos": folder, "backbone": backbone, "recipe": args.recipe}
    settings["image_size"] = args.image_size
    began = time.time()
    parts = measure_apart("benchmarks.speed.startup:measure", settings)
    return {part: [wall - began, processor] for part, (wall, processor) in parts.items()}


def measure(
    photos: str, backbone: str, recipe: str, image_size: int
) -> dict[str, tuple[float, float]]:
    """Trains in this process; records the elapsed and processor time at the end of each part."""
    parts: dict[str, tuple[float, float]] = {}

    def note(part: str) -> None:
        parts.setdefault(part, (time.time(), time.process_time()))

    from fgmix.backend import import_tensorflow

    import_tensorflow()
    import keras

    from fgmix.config.train_config import TrainConfig
    from fgmix.runs.images import load_splits
    from fgmix.training.callbacks import EpochLog
    from fgmix.training.inputs import image_inputs
    from fgmix.training.trainer import build_model, fit

    assert keras.backend.backend() == "tensorflow"
    note("libraries imported")
    config = TrainConfig(
        dataset=photos,
        backbone=backbone,
        weights="none",
        attention="none",
        recipe=recipe,
        image_size=image_size,
        batch_size=32,
        epochs=1,
        val_fraction=0.0,
    ).resolve()
    dataset = load_splits(config)
    note("photos found")
    model = build_model(config, CLASSES, "float32")
    note("classifier built")
    begin, end = EpochLog.on_train_batch_begin, EpochLog.on_train_batch_end

    def on_begin(self: EpochLog, batch: int, logs: dict | None = None) -> None:
        note("step 1 begun")
        begin(self, batch, logs)

    def on_end(self: EpochLog, batch: int, logs: dict | None = None) -> None:
        note(f"step {batch + 1} done")
        end(self, batch, logs)

    EpochLog.on_train_batch_begin, EpochLog.on_train_batch_end = on_begin, on_end
    with tempfile.TemporaryDirectory() as scratch:
        fit(model, config, image_inputs(config, dataset), Path(scratch))
    note("epoch saved")
    return parts


if __name__ == "__main__":
    main()
