"""Training on a GPU: fgmix on Keras's JAX backend against PyTorch, in one call.

    python -m benchmarks.gpu.gpu_training
    python -m benchmarks.gpu.gpu_training --networks vgg16_bn:128 --variant vgg16_bn
    python -m benchmarks.gpu.gpu_training --rehearse        # tiny, on the CPU, writes nothing

TensorFlow is not needed. Both train the same network, head and batch in bfloat16 (weights in
float32) with the same optimizer, in separate processes that alternate: fgmix's classifier with
Keras's `fit`, and PyTorch channels-last, under autocast, compiled. Batches come from the device, or
as decoded 8-bit images from the host's memory. The fraction of the chip's peak counts two
operations per multiply-add, forward once and backward twice, as counted by `fgmix.models.cost`.
"""

import argparse
from typing import Any

from benchmarks.lib.machine import circumstances
from benchmarks.lib.records import Record, markdown, script_parser, write
from benchmarks.lib.rounds import ratios, show, spread, take_turns
from benchmarks.lib.train_steps import CLASSES, PASSIVE, require_same
from benchmarks.lib.workers import measure_apart, started
from fgmix.cli.main import run
from fgmix.errors import FgmixError

PEAKS = {
    "H200": 989,
    "H100 PCIe": 756,
    "H100 NVL": 835,
    "H100": 989,
    "A100": 312,
    "L40S": 362,
    "L4": 121,
}
"""Dense bfloat16 teraflops by a part of the device's name, from NVIDIA's data sheets."""
NETWORKS = ["vgg16_bn:128", "resnet50_torch:256", "mobilenet_v2:256"]
REHEARSAL = {"image_size": 32, "steps": 2, "rounds": 1}
FGMIX = {"KERAS_BACKEND": "jax", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
ON_CPU = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
SOURCES = {"device": "seconds", "host": "seconds_from_host"}


def look() -> dict[str, Any]:
    """Returns, in a worker, the device of each library and its driver."""
    import jax
    import torch

    gpu = torch.cuda.is_available()
    return {
        "jax": jax.devices()[0].device_kind if jax.default_backend() == "gpu" else None,
        "torch": torch.cuda.get_device_name() if gpu else None,
        "cuda_of_torch": torch.version.cuda,
        "cudnn_of_torch": torch.backends.cudnn.version() if gpu else None,
    }


def measure(args: argparse.Namespace, network: str, batch: int, attention: str) -> dict[str, Any]:
    """Times one network with one attention."""
    settings = {
        "backbone": network,
        "attention": attention,
        "pooling": args.pooling,
        "image_size": args.image_size,
        "batch": batch,
        "precision": "bfloat16",
        "steps": args.steps,
        "host": True,
        "compiled": not args.rehearse,  # on a CPU this takes minutes
    }
    network_alone = {x: settings[x] for x in ("backbone", "attention", "image_size", "pooling")}
    counted = measure_apart("benchmarks.gpu.gpu_training:count", network_alone, ON_CPU)
    contenders = {
        "fgmix": ("benchmarks.lib.train_steps:fgmix_step", settings, FGMIX),
        "PyTorch": ("benchmarks.lib.train_steps:torch_step", settings, PASSIVE),
    }
    with started(contenders) as workers:
        require_same({name: worker.about for name, worker in workers.items()})
        answers = take_turns(workers, args.rounds)
    rates = {
        source: {name: [batch / answer[key] for answer in found] for name, found in answers.items()}
        for source, key in SOURCES.items()
    }
    return {
        **{key: settings[key] for key in ("backbone", "attention", "batch")},
        **counted,
        "images_per_second": rates,
        "over_pytorch": {
            source: ratios(found["fgmix"], found["PyTorch"]) for source, found in rates.items()
        },
        "peak_mebibytes": {name: found[-1]["peak_mebibytes"] for name, found in answers.items()},
    }


def count(backbone: str, attention: str, image_size: int, pooling: str) -> dict[str, int]:
    """Returns, in a worker, the multiply-adds of one image, forward."""
    from fgmix.models.cost import classifier_costs

    sizes = {"num_classes": CLASSES, "image_size": image_size, "pooling": pooling}
    costs = classifier_costs(backbone, [attention], **sizes)
    return {"multiply_adds": costs[attention].whole.multiply_adds}


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
    return markdown(head, rows) + (
        f"\n{record['image_size']} px, bfloat16, pooling `{record['pooling']}`, {CLASSES} classes, "
        f"{record['rounds']} rounds of {record['steps']} steps; median (least to most) of the "
        f"rounds. The peak is {of}.\n"
    )


def command(argv: list[str]) -> int:
    """Measures, prints, and writes after each network."""
    parser = script_parser(__doc__, variant=True)
    parser.add_argument("--networks", nargs="+", default=NETWORKS, help="NAME:BATCH")
    parser.add_argument("--attentions", nargs="+", default=["none", "mixed"])
    parser.add_argument("--pooling", default="flatten", choices=("flatten", "avg"))
    parser.add_argument("--image-size", type=int, default=224, help="a multiple of 32")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=30, help="a round")
    parser.add_argument("--peak-teraflops", type=float, help="of the chip, if it is not known")
    parser.add_argument("--rehearse", action="store_true", help="tiny, on the CPU, no record")
    args = parser.parse_args(argv)
    devices = measure_apart("benchmarks.gpu.gpu_training:look", {}, FGMIX)
    missing = [name for name in ("jax", "torch") if not devices[name]]
    if args.rehearse:
        vars(args).update(REHEARSAL)
        args.networks = [f"{network.partition(':')[0]}:4" for network in args.networks]
    elif missing:
        raise FgmixError(
            f"no GPU for {' and '.join(missing)}: nothing was measured; run this where JAX and "
            f"PyTorch have one, or try it on the CPU with --rehearse"
        )
    name = devices["torch"] or "CPU"
    peak = args.peak_teraflops or next((n for part, n in PEAKS.items() if part in name), None)
    rows = []
    for network in args.networks:
        backbone, _, batch = network.partition(":")
        for attention in args.attentions:
            rows.append(measure(args, backbone, int(batch), attention))
            record = {
                **circumstances(args.note, "jax", "jaxlib", "keras", "torch", "numpy"),
                "device": name,
                "devices": devices,
                "peak_teraflops": peak,
                **{k: getattr(args, k) for k in ("image_size", "pooling", "rounds", "steps")},
                "rows": rows,
            }
            if not args.rehearse:
                write("gpu_training", record, args.output, args.variant)
            print(table(record | {"rows": rows[-1:]}), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(run(command))
