"""The growth of an epoch's time and memory with images, classes, image size and batch.

    python -m benchmarks.speed.scaling
    python -m benchmarks.speed.scaling --axes batch --backbone resnet50 --variant resnet50
    python -m benchmarks.speed.scaling_figures

JPEG files are drawn once and linked as often as needed. At every point a separate process trains
for two epochs as `train.py` does, with checkpoints, from one centre (the defaults below) along one
axis at a time; seconds are those of the second epoch, from history.csv, and memory is the peak of
the process. All images have the given size, not the smaller one that recipe `strong` starts with.
Points are measured in rounds, in order and back.
"""

import os
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.lib.machine import circumstances, peak_mebibytes
from benchmarks.lib.photos import write_photos
from benchmarks.lib.records import Record, markdown, script_parser, write
from benchmarks.lib.rounds import show, spread, take_turns
from benchmarks.lib.workers import Worker

DRAWN = 64
AXES: dict[str, list[int]] = {
    "images": [250, 500, 1000, 2000, 4000],
    "classes": [10, 100, 1000, 10_000],
    "image_size": [64, 96, 128, 160, 224],
    "batch": [8, 16, 32, 64],
}
CENTRE = {"images": 500, "classes": 100, "image_size": 96, "batch": 16}
WORDS = {
    "images": "training images",
    "classes": "classes",
    "image_size": "image size, px",
    "batch": "batch",
}


def train(
    root: str,
    backbone: str,
    attention: str,
    precision: str,
    images: int,
    classes: int,
    image_size: int,
    batch: int,
) -> tuple[dict[str, Any], Callable[[], dict[str, float]]]:
    """Builds a classifier; measuring trains it once."""
    from fgmix.backend import import_tensorflow

    import_tensorflow()
    from fgmix.config.train_config import TrainConfig
    from fgmix.data.dataset import ImageDataset, Split
    from fgmix.training.inputs import image_inputs
    from fgmix.training.trainer import build_model, fit

    paths = sorted(file.name for file in Path(root).iterdir())[:images]
    labels = (np.arange(images) % classes).astype(np.int32)
    names = tuple(f"class {number}" for number in range(classes))
    dataset = ImageDataset("drawn", Path(root), names, {"train": Split(tuple(paths), labels)})
    config = TrainConfig(
        dataset=root,
        backbone=backbone,
        attention=attention,
        weights="none",
        recipe="strong",
        image_size=image_size,
        batch_size=batch,
        epochs=2,
        progressive_share=0.0,
        run_dir=root,
    ).resolve()
    model = build_model(config, classes, precision)
    built = peak_mebibytes()

    def measure() -> dict[str, float]:
        with tempfile.TemporaryDirectory() as folder:
            rows = fit(model, config, image_inputs(config, dataset), Path(folder))
        steps = images // batch
        return {
            "seconds_an_epoch": rows[-1]["seconds"],
            "seconds_a_step": rows[-1]["seconds"] / steps,
            "images_per_second": rows[-1]["images_per_second"],
            "peak_mebibytes": peak_mebibytes(),
        }

    return {"parameters": model.count_params(), "peak_mebibytes_built": built}, measure


def measure(settings: dict[str, Any]) -> dict[str, Any]:
    """Measures one point, in a separate process."""
    with Worker("benchmarks.speed.scaling:train", settings) as worker:
        return {**worker.about, **worker()}


def link(root: Path, count: int) -> Path:
    """Creates a folder of links to a few different files."""
    files = write_photos(root / "drawn", DRAWN, 1)
    folder = root / "photos"
    folder.mkdir()
    for number in range(count):
        os.link(files[number % DRAWN], folder / f"{number:06d}.jpg")
    return folder


def cell(values: list[float], digits: int) -> str:
    """Returns a value, or the spread of several, as a table cell."""
    return show(spread(values), digits) if len(values) > 1 else f"{values[0]:,.{digits}f}"


def table(record: Record) -> str:
    """Returns the table with one row per point."""
    rows = []
    for axis, points in record["axes"].items():
        for point in points:
            found = point["rounds"]
            rows.append(
                [
                    WORDS[axis],
                    f"{point['value']:,}",
                    cell([r["seconds_an_epoch"] for r in found], 1),
                    cell([1000 * r["seconds_a_step"] for r in found], 0),
                    cell([r["images_per_second"] for r in found], 0),
                    f"{max(r['peak_mebibytes'] for r in found) / 1024:.2f}",
                ]
            )
    head = ["along", "value", "s an epoch", "ms a step", "images/s", "memory, GiB"]
    rounds = record["rounds"]
    of_rounds = f"median (least to most) of {rounds} rounds" if rounds > 1 else "one round"
    centre = "{images:,} training images, {classes:,} classes, {image_size} px, batch {batch}"
    return markdown(head, rows) + (
        f"\n`{record['backbone']}` with `{record['attention']}`, recipe `strong` at one size, "
        f"{record['precision']}; where nothing else is said "
        f"{centre.format(**record['centre'])}; {of_rounds}.\n"
    )


def main() -> None:
    """Measures along every axis, and writes after each point."""
    parser = script_parser(__doc__, variant=True)
    parser.add_argument("--axes", nargs="+", default=list(AXES), choices=AXES)
    parser.add_argument("--values", type=int, nargs="+", help="of a single axis")
    parser.add_argument("--backbone", default="mobilenet_v2")
    parser.add_argument("--attention", default="mixed")
    parser.add_argument("--precision", default="float32", choices=("float32", "bfloat16"))
    for name, value in CENTRE.items():
        flag = f"--{name.replace('_', '-')}"
        parser.add_argument(flag, type=int, default=value, help="of the centre")
    parser.add_argument("--rounds", type=int, default=2)
    args = parser.parse_args()
    if args.values and len(args.axes) > 1:
        parser.error("--values are of one axis: give one with --axes")
    centre = {name: getattr(args, name) for name in CENTRE}
    values = {axis: args.values or AXES[axis] for axis in args.axes}
    most = max([centre["images"], *values.get("images", [])])
    axes: dict[str, list[dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        root = link(Path(scratch), most)
        shared = {
            "root": str(root),
            "backbone": args.backbone,
            "attention": args.attention,
            "precision": args.precision,
        }
        for axis, points in values.items():
            calls = {
                str(value): partial(measure, shared | centre | {axis: value}) for value in points
            }
            found = take_turns(calls, args.rounds, warm_up=0)
            axes[axis] = [{"value": int(value), "rounds": rows} for value, rows in found.items()]
            record = {
                **circumstances(args.note, "tensorflow", "keras", "numpy"),
                **{k: v for k, v in shared.items() if k != "root"},
                "centre": centre,
                "rounds": args.rounds,
                "axes": axes,
            }
            write("scaling", record, args.output, args.variant)
    print(table(record))


if __name__ == "__main__":
    main()
