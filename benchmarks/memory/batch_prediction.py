"""`predict` on many files: images a second, and whether memory grows with their number.

    python -m benchmarks.memory.batch_prediction --files 1000 100000

Trains a small network for an epoch on synthetic images, then predicts folders of links to a few
synthetic JPEGs, each in a separate process and with an output file. The time is that of the whole
command, including imports and the loading of the model.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.lib.machine import circumstances
from benchmarks.lib.photos import draw
from benchmarks.lib.records import script_parser, write
from fgmix.backend import import_tensorflow

DRAWN, CLASSES = 40, ("one", "two")


def draw_photos(root: Path, size: list[int]) -> list[Path]:
    """Draws a few images, and a data set to train on."""
    rng = np.random.default_rng(0)
    files = []
    for number in range(DRAWN):
        split = "train" if number % 4 else "test"
        file = root / split / CLASSES[number // 4 % 2] / f"{number}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        draw(rng).resize(size).save(file, quality=90)
        files.append(file)
    return files


def predict(run: Path, folder: Path, output: Path) -> dict[str, float]:
    """Predicts a folder in a separate process."""
    command = ["-m", "fgmix", "predict", "--model", str(run), str(folder)]
    start = time.perf_counter()
    pid = os.posix_spawn(
        sys.executable,
        [sys.executable, *command, "--output", str(output), "--overwrite"],
        dict(os.environ),
    )
    _, status, usage = os.wait4(pid, 0)
    seconds = time.perf_counter() - start
    if status:
        raise SystemExit(f"predict ended with {os.waitstatus_to_exitcode(status)}")
    return {
        "files": sum(1 for _ in output.open()),
        "seconds": seconds,
        "processors_busy": (usage.ru_utime + usage.ru_stime) / seconds,
        "peak_mebibytes": usage.ru_maxrss / 1024,
    }


def main() -> None:
    """Draws, trains, predicts, prints and writes."""
    parser = script_parser(__doc__)
    parser.add_argument("--files", type=int, nargs="+", default=[1_000, 100_000])
    parser.add_argument("--backbone", default="tiny")
    parser.add_argument("--image-size", type=int, default=32)
    parser.add_argument("--pixels", type=int, nargs=2, default=[100, 60], metavar=("W", "H"))
    args = parser.parse_args()

    import_tensorflow()
    import fgmix

    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        photos = draw_photos(root / "photos", args.pixels)
        config = fgmix.TrainConfig(
            dataset=str(root / "photos"),
            run_dir=str(root / "run"),
            backbone=args.backbone,
            weights="none",
            image_size=args.image_size,
            epochs=1,
            batch_size=8,
        )
        fgmix.train(config)
        rows = []
        for count in args.files:
            folder = root / f"{count} files"
            for number in range(count):
                file = folder / f"{number // 1000:03d}" / f"{number:06d}.jpg"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.hardlink_to(photos[number % DRAWN])
            rows.append(predict(root / "run", folder, root / "out.jsonl"))
            print(rows[-1], flush=True)
    record = {
        **circumstances(args.note, "tensorflow", "keras", "numpy"),
        "settings": {k: v for k, v in vars(args).items() if k not in ("note", "output")},
        "results": rows,
    }
    write("batch_prediction", record, args.output)


if __name__ == "__main__":
    main()
