"""The speed of the input pipeline, in training images a second, against PyTorch's DataLoader.

    python -m benchmarks.speed.input_pipeline

JPEG files are drawn into a temporary folder. fgmix's `tf.data` pipeline reads the images
themselves and, as `train.py` does where that pays, the resized cache, from disk and, as with
`--cache memory`, from memory.
The peer is a DataLoader with as many workers as cores, whose transforms are Pillow's: what
torchvision runs on PIL images. Contenders run in separate processes that alternate. The fraction of
the machine is processor time, workers included, over that of all cores.
"""

import argparse
import itertools
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.lib.machine import circumstances, cores, peak_mebibytes
from benchmarks.lib.photos import write_photos
from benchmarks.lib.records import Record, markdown, script_parser, write
from benchmarks.lib.rounds import ratios, show, spread, take_turns
from benchmarks.lib.workers import started

AUGMENTATIONS = ("pad_crop", "random_resized_crop")
CLASSES, SKIPPED = 10, 4
PEER = "PyTorch"
CONTENDERS = {
    "fgmix": ("read_fgmix", {}),
    "fgmix, copies": ("read_fgmix", {"copies": True}),
    "fgmix, copies in memory": ("read_fgmix", {"copies": True, "memory": True}),
    PEER: ("read_torch", {}),
}
Measure = Callable[[], dict[str, float]]


def read_fgmix(
    root: str,
    augmentation: str,
    image_size: int,
    batch: int,
    batches: int,
    copies: bool = False,
    memory: bool = False,
) -> tuple[dict[str, Any], Measure]:
    """Returns the pipeline of `train.py`, with `--prepare auto` and `--cache memory` or not."""
    from fgmix.backend import import_tensorflow

    import_tensorflow()
    from fgmix.data.image_reader import TrainingImages
    from fgmix.data.pipeline import training_batches
    from fgmix.data.resized_cache.build import build_resized_cache
    from fgmix.data.sources.folder import load_folder

    os.environ["TFDS_DATA_DIR"] = f"{root}-tfds"
    dataset = load_folder(Path(root))
    began = time.perf_counter()
    made = (
        build_resized_cache(dataset, image_size=image_size, augmentation=augmentation)
        if copies
        else {}
    )
    seconds = time.perf_counter() - began
    inputs = training_batches(
        dataset,
        image_size=image_size,
        batch_size=batch,
        augmentation=augmentation,
        seed=0,
        epochs=1_000_000,
        resized=made,
        decoded=TrainingImages(dataset, made).decode() if memory else None,
    )
    about = {"copies": len(made), "photos": len(dataset.splits["train"])}
    return about | {"seconds_of_preparation": seconds}, reader(inputs, batch, batches)


def read_torch(
    root: str, augmentation: str, image_size: int, batch: int, batches: int
) -> tuple[dict[str, Any], Measure]:
    """Returns a hand-written DataLoader."""
    import torch

    from benchmarks.peers.torch_photos import AUGMENTATIONS, Photos, loader

    torch.set_num_threads(1)  # the workers have the cores
    files = sorted(str(file) for file in Path(root).rglob("*.jpg"))
    labels = [int(Path(file).parent.name.removeprefix("class")) for file in files]
    photos = Photos(files, labels, AUGMENTATIONS[augmentation], image_size)
    return {"workers": cores()}, reader(loader(photos, batch, cores()), batch, batches)


def reader(inputs: Iterable, batch: int, batches: int) -> Measure:
    """Returns a function that times reading batches, after a few to warm up.

    It starts anew each time, so that batches read ahead in other contenders' turns do not count.
    """

    def measure() -> dict[str, float]:
        reading = iter(inputs)
        for _ in itertools.islice(reading, SKIPPED):
            pass
        began, processor = time.perf_counter(), processor_seconds()
        for _ in itertools.islice(reading, batches):
            pass
        seconds, processor = time.perf_counter() - began, processor_seconds() - processor
        return {
            "images_per_second": batch * batches / seconds,
            "processor_ms_per_image": 1000 * processor / (batch * batches),
            "share_of_machine": processor / seconds / cores(),
            "peak_mebibytes": peak_mebibytes(),
        }

    return measure


def processor_seconds() -> float:
    """Returns the processor time of this process and of its living children."""
    ticks = 0
    for child in multiprocessing.active_children():
        fields = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def measure(args: argparse.Namespace, root: str, augmentation: str) -> dict[str, Any]:
    """Times all contenders with one augmentation."""
    settings = {
        "root": root,
        "augmentation": augmentation,
        "image_size": args.image_size,
        "batch": args.batch,
        "batches": args.batches,
    }
    contenders = {
        name: (f"benchmarks.speed.input_pipeline:{function}", settings | own)
        for name, (function, own) in CONTENDERS.items()
    }
    with started(contenders) as workers:
        answers = take_turns(workers, args.rounds)
    found = {
        name: {key: [answer[key] for answer in given] for key in given[0]}
        for name, given in answers.items()
    }
    ours = [name for name in CONTENDERS if name != PEER]
    rate, cost = "images_per_second", "processor_ms_per_image"
    return {
        "augmentation": augmentation,
        "contenders": found,
        "about": {name: worker.about for name, worker in workers.items()},
        "over_pytorch": {name: ratios(found[name][rate], found[PEER][rate]) for name in ours},
        # By processor time, which other load on the machine changes least.
        "over_pytorch_by_processor_time": {
            name: ratios(found[PEER][cost], found[name][cost]) for name in ours
        },
    }


def table(record: Record) -> str:
    """Returns the table of images a second, their cost, and the ratios."""
    rows = []
    for row in record["rows"]:
        by_time = row["over_pytorch_by_processor_time"]
        for name, found in row["contenders"].items():
            ratio = row["over_pytorch"].get(name)
            rows.append(
                [
                    f"`{row['augmentation']}`",
                    name,
                    show(spread(found["images_per_second"]), 0),
                    f"{np.median(found['processor_ms_per_image']):.1f}",
                    f"{np.median(found['share_of_machine']):.0%}",
                    show(ratio) if ratio else "",
                    show(by_time[name]) if ratio else "",
                ]
            )
    head = ["augmentation", "contender", "images/s", "processor, ms an image"]
    head += ["share of the machine", "over PyTorch", "the same, by processor time"]
    prepared = [row["about"]["fgmix, copies"] for row in record["rows"]]
    made = ", ".join(
        f"{about['copies']} of {about['photos']} photos in {about['seconds_of_preparation']:.0f} s"
        for about in prepared
    )
    width, height = record["pixels"]
    return markdown(head, rows) + (
        f"\nJPEG files of {width} x {height} pixels and {record['mean_kilobytes']:.0f} kB to "
        f"{record['image_size']} px, batches of {record['batch']}, {record['rounds']} rounds of "
        f"{record['batches']} batches; median (least to most) of the rounds. Copies were made once "
        f"of {made}; 0 means that the photos are too small for copies to pay.\n"
    )


def main() -> None:
    """Draws, measures, prints and writes."""
    parser = script_parser(__doc__)
    parser.add_argument("--images", type=int, default=512)
    parser.add_argument("--pixels", type=int, nargs=2, default=[500, 375])
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--batches", type=int, default=16, help="a round")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as scratch:
        files = write_photos(Path(scratch) / "photos", args.images, CLASSES, *args.pixels)
        kilobytes = float(np.mean([file.stat().st_size for file in files])) / 1000
        for augmentation in AUGMENTATIONS:
            rows.append(measure(args, f"{scratch}/photos", augmentation))
            record = {
                **circumstances(args.note, "tensorflow", "torch", "pillow", "numpy"),
                **{name: getattr(args, name) for name in ("pixels", "image_size", "batch")},
                **{name: getattr(args, name) for name in ("images", "batches", "rounds")},
                "mean_kilobytes": kilobytes,
                "rows": rows,
            }
            write("input_pipeline", record, args.output)
    print(table(record))


if __name__ == "__main__":
    main()
