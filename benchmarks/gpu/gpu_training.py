"""Training on a GPU: fgmix on Keras's JAX backend against PyTorch, in one call.

    python -m benchmarks.gpu.gpu_training
    python -m benchmarks.gpu.gpu_training --networks vgg16_bn:128 --variant vgg16_bn
    python -m benchmarks.gpu.gpu_training --rehearse        # tiny, on the CPU

TensorFlow is not needed. Both train the same network, head and batch in bfloat16 (weights in
float32) with the same optimizer, in separate processes that alternate: fgmix's classifier with
Keras's `fit`, and PyTorch channels-last, under autocast, compiled. Batches come from the device, or
as decoded 8-bit images from the host's memory. The fraction of the chip's peak counts two
operations per multiply-add, forward once and backward twice, as counted by `fgmix.models.cost`.

The record is written after every measurement. One that fails, takes too long or finds no time left
is named in it, and the others go on.
"""

import argparse
import tempfile
import time
from typing import Any

from benchmarks.lib.devices import FGMIX, ON_CPU, REHEARSED, peak_teraflops, require_gpus
from benchmarks.lib.machine import circumstances
from benchmarks.lib.paths import RESULTS
from benchmarks.lib.records import Record, markdown, script_parser, write
from benchmarks.lib.rounds import ratios, show, spread, take_turns
from benchmarks.lib.train_steps import CLASSES, PASSIVE, require_same
from benchmarks.lib.workers import started_together
from fgmix.cli.main import run
from fgmix.models.backbones.registry import BACKBONES

NETWORKS = [
    *("vgg16_bn:256", "resnet50_torch:256", "vgg16_bn:32", "resnet50_torch:32"),
    *("dinov2_small:256", "mobilenet_v2:256"),
]
REHEARSAL = {"image_size": 32, "images": 8, "rounds": 1}
TINY = ["tiny:4"]
"""Rehearsed unless others are named: they take minutes to compile on a CPU."""
SOURCES = {"device": "seconds", "host": "seconds_from_host"}
NO_TIME = "no time was left"
CELL_SECONDS = 240
"""The most that one network with one attention may take, compilation and start included."""


def pooling_of(network: str) -> str:
    """Returns the paper's pooling, or averages for a transformer's many positions."""
    return "avg" if BACKBONES[network].patch else "flatten"


def measure(
    args: argparse.Namespace, cell: dict[str, Any], environment: dict[str, str], seconds: float
) -> dict[str, Any]:
    """Times one network with one attention.

    Raises:
        SystemExit: If a contender fails, or takes too long.
    """
    network, batch = cell["backbone"], cell["batch"]
    side = args.image_size - args.image_size % BACKBONES[network].side_step()
    settings = {
        **cell,
        "pooling": args.pooling or pooling_of(network),
        "image_size": side,
        "precision": "bfloat16",
        "steps": max(2, args.images // batch),
        "host": True,
        "compiled": not args.rehearse,  # on a CPU this takes minutes
    }
    contenders = {
        "fgmix": ("benchmarks.lib.train_steps:fgmix_step", settings, environment),
        "PyTorch": ("benchmarks.lib.train_steps:torch_step", settings, environment | PASSIVE),
    }
    with started_together(contenders, seconds) as workers:
        require_same({name: worker.about for name, worker in workers.items()})
        answers = take_turns(workers, args.rounds)
    rates = {
        source: {name: [batch / answer[key] for answer in found] for name, found in answers.items()}
        for source, key in SOURCES.items()
    }
    return {
        **cell,
        **{key: settings[key] for key in ("pooling", "image_size", "steps")},
        **{key: workers["fgmix"].about[key] for key in ("parameters", "multiply_adds")},
        "images_per_second": rates,
        "over_pytorch": {
            source: ratios(found["fgmix"], found["PyTorch"]) for source, found in rates.items()
        },
        "peak_mebibytes": {name: found[-1]["peak_mebibytes"] for name, found in answers.items()},
    }


def table(record: Record) -> str:
    """Returns the table of images a second, fractions of the peak, and memory."""
    peak = record["peak_teraflops"]
    rows = []
    for row in record["rows"]:
        for source, found in row["images_per_second"].items():
            work = 6 * row["multiply_adds"] / 1e12
            names = ("fgmix", "PyTorch")
            rows.append(
                [
                    f"`{row['backbone']}`",
                    f"`{row['attention']}`",
                    row["batch"],
                    source,
                    *(show(spread(found[name]), 0) for name in names),
                    show(row["over_pytorch"][source]),
                    *(
                        f"{spread(found[name])['median'] * work / peak:.0%}" if peak else "?"
                        for name in names
                    ),
                    *(f"{row['peak_mebibytes'][name] / 1024:.1f}" for name in names),
                ]
            )
    head = ["network", "attention", "batch", "batches from", "fgmix, images/s"]
    head += [
        "PyTorch, images/s",
        "fgmix over PyTorch",
        "fgmix, of the peak",
        "PyTorch, of the peak",
    ]
    head += ["fgmix, GiB", "PyTorch, GiB"]
    of = f"{peak:,} teraflops of dense bfloat16" if peak else "unknown: give --peak-teraflops"
    lines = [
        f"bfloat16, {CLASSES} classes, {record['rounds']} rounds of about {record['images']} "
        f"images; median (least to most) of the rounds. The peak is {of}."
    ]
    lines += [
        f"Not measured: `{cell['backbone']}` with `{cell['attention']}`, batch {cell['batch']}: "
        f"{cell['why']}."
        for cell in record["not_measured"]
    ]
    return markdown(head, rows) + "\n" + "\n".join(lines) + "\n"


def in_short(record: Record) -> str:
    """Returns one line on what was measured."""
    found = [row["over_pytorch"]["device"]["median"] for row in record["rows"]]
    ratio = f", {min(found):.2f} to {max(found):.2f} times PyTorch's rate" if found else ""
    left = len(record["not_measured"])
    return f"{len(found)} of {len(found) + left} measurements{ratio}"


def measure_all(args: argparse.Namespace, circumstances_of: Record) -> Record:
    """Measures each attention with each network, and writes and prints after each.

    Returns:
        The record.
    """
    began = time.monotonic()
    cells = [
        {"backbone": network, "attention": attention, "batch": int(batch)}
        for attention in args.attentions
        for network, _, batch in (word.partition(":") for word in args.networks)
    ]
    record: dict[str, Any] = {"rows": [], "not_measured": []}
    longest = 0.0
    with tempfile.TemporaryDirectory() as compiled:
        # What JAX has compiled for one process serves the next.
        environment = (ON_CPU if args.rehearse else FGMIX) | {
            "JAX_COMPILATION_CACHE_DIR": compiled,
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        }
        for cell in cells:
            start = time.monotonic()
            left = 60 * args.minutes - (start - began)
            name = f"{cell['backbone']}, {cell['attention']}, batch {cell['batch']}"
            if left < longest or left <= 0:
                record["not_measured"].append({**cell, "why": NO_TIME})
                print(f"{name}: {NO_TIME}", flush=True)
                continue
            try:
                row = measure(args, cell, environment, min(left, CELL_SECONDS))
            except SystemExit as error:
                why = str(error)
                if time.monotonic() - start >= min(left, CELL_SECONDS):
                    why = f"took longer than {min(left, CELL_SECONDS):.0f} seconds"
                record["not_measured"].append({**cell, "why": why})
                print(f"{name}: {why}", flush=True)
            else:
                record["rows"].append(row)
                print(f"{name}: {show(row['over_pytorch']['device'])} times PyTorch", flush=True)
            longest = max(longest, time.monotonic() - start)
            record = {**circumstances_of, **record, "seconds": time.monotonic() - began}
            if not (args.rehearse and args.output == RESULTS):
                write("gpu_training", record, args.output, args.variant)
    return record


def command(argv: list[str]) -> int:
    """Measures, prints, and writes after each network."""
    parser = script_parser(__doc__, variant=True)
    parser.add_argument("--networks", nargs="+", metavar="NAME:BATCH", help=" ".join(NETWORKS))
    parser.add_argument("--attentions", nargs="+", metavar="NAME", help="none mixed")
    parser.add_argument("--pooling", choices=("flatten", "avg"), help="by default each its own")
    parser.add_argument("--image-size", type=int, default=224, help="or the next smaller that fits")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--images", type=int, default=2560, help="a round")
    parser.add_argument("--minutes", type=float, default=60, help="after them nothing is begun")
    parser.add_argument("--peak-teraflops", type=float, help="of the chip, if it is not known")
    parser.add_argument(
        "--rehearse", action="store_true", help="tiny, on the CPU; a record only with --output"
    )
    args = parser.parse_args(argv)
    devices = REHEARSED if args.rehearse else require_gpus("jax", "torch")
    if args.rehearse:
        vars(args).update(REHEARSAL)
    args.networks = args.networks or (TINY if args.rehearse else NETWORKS)
    args.attentions = args.attentions or (["mixed"] if args.rehearse else ["none", "mixed"])
    record = measure_all(
        args,
        {
            **circumstances(args.note, "jax", "jaxlib", "keras", "torch", "numpy"),
            "device": devices["torch"],
            "devices": devices,
            "peak_teraflops": args.peak_teraflops or peak_teraflops(devices["torch"]),
            **{key: getattr(args, key) for key in ("rounds", "images")},
        },
    )
    print(f"\n{table(record)}\n{in_short(record)}", flush=True)
    return 1 if any(cell["why"] != NO_TIME for cell in record["not_measured"]) else 0


if __name__ == "__main__":
    raise SystemExit(run(command))
