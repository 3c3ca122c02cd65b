"""The speed of a training step against PyTorch's, like for like.

    python -m benchmarks.speed.training_speed
    python -m benchmarks.speed.training_speed --networks resnet50_torch:16 --torch-threads 1 2

fgmix (TensorFlow) and PyTorch (channels-last) train the same network, head and batch with the same
optimizer, in separate processes that alternate. If PyTorch is tried with several numbers of
threads, or compiled too, its fastest form counts. Ratios are of images a second, by round; above
one means that fgmix is faster. On a machine with other load, the ratio by processor time is more
informative: of images for the same processor time of all threads.
"""

import argparse
from typing import Any

import numpy as np

from benchmarks.lib.machine import cores
from benchmarks.lib.networks import measure_each, parser_of
from benchmarks.lib.records import Record, markdown
from benchmarks.lib.rounds import ratios, show, spread, take_turns
from benchmarks.lib.train_steps import PASSIVE, require_same
from benchmarks.lib.workers import started

PRECISIONS = ("float32", "bfloat16")


def measure(args: argparse.Namespace, network: str, batch: int) -> dict[str, Any]:
    """Times one network in both precisions and both libraries, all in the same rounds."""
    settings = {
        "backbone": network,
        "attention": args.attention,
        "pooling": args.pooling,
        "image_size": args.image_size,
        "batch": batch,
        "steps": args.steps,
    }
    forms = [{"threads": n, "compiled": False} for n in args.torch_threads]
    forms += [{"threads": cores(), "compiled": True}] if args.torch_compile else []
    contenders: dict[str, tuple[Any, ...]] = {}
    for precision in args.precisions:
        own = settings | {"precision": precision}
        contenders[f"fgmix {precision}"] = ("benchmarks.lib.train_steps:fgmix_step", own)
        for form in forms:
            name = f"PyTorch {precision}, {form['threads']} threads"
            name += ", compiled" if form["compiled"] else ""
            contenders[name] = ("benchmarks.lib.train_steps:torch_step", own | form, PASSIVE)
    with started(contenders) as workers:
        require_same({name: worker.about for name, worker in workers.items()})
        answers = take_turns(workers, args.rounds)
        parameters = workers["fgmix " + args.precisions[0]].about["parameters"]
    rates = {
        name: [batch / answer["seconds"] for answer in found] for name, found in answers.items()
    }
    costs = {
        name: [answer["processor_seconds"] / batch for answer in found]
        for name, found in answers.items()
    }
    result: dict[str, Any] = {
        **{k: v for k, v in settings.items() if k != "steps"},
        "trainable_parameters": parameters,
        "images_per_second": rates,
        "processor_seconds_per_image": costs,
        "peak_mebibytes": {name: found[-1]["peak_mebibytes"] for name, found in answers.items()},
        "over_pytorch": {},
    }
    for precision in args.precisions:
        peers = [name for name in rates if name.startswith(f"PyTorch {precision}")]
        best = max(peers, key=lambda name: np.median(rates[name]))
        result["over_pytorch"][precision] = {
            "peer": best,
            **ratios(rates[f"fgmix {precision}"], rates[best]),
            "by_processor_time": ratios(costs[best], costs[f"fgmix {precision}"]),
        }
    if set(args.precisions) == set(PRECISIONS):
        result["bfloat16_over_float32"] = {
            library: ratios(*(rates[choose(rates, library, p)] for p in reversed(PRECISIONS)))
            for library in ("fgmix", "PyTorch")
        }
    return result


def choose(rates: dict[str, list[float]], library: str, precision: str) -> str:
    """Returns the fastest form of a library in a precision."""
    forms = [name for name in rates if name.startswith(f"{library} {precision}")]
    return max(forms, key=lambda name: np.median(rates[name]))


def table(record: Record) -> str:
    """Returns the table of images a second and ratios, median (least to most) of the rounds."""
    rows = []
    for row in record["rows"]:
        for precision, ratio in row["over_pytorch"].items():
            rates = row["images_per_second"]
            gain = row.get("bfloat16_over_float32", {}).get("fgmix")
            rows.append(
                [
                    f"`{row['backbone']}`",
                    row["batch"],
                    precision,
                    show(spread(rates[f"fgmix {precision}"])),
                    show(spread(rates[ratio["peer"]])),
                    ratio["peer"].partition(", ")[2],
                    show(ratio),
                    show(ratio["by_processor_time"]),
                    show(gain) if gain and precision == "bfloat16" else "",
                ]
            )
    head = ["network", "batch", "precision", "fgmix, images/s", "PyTorch, images/s"]
    head += ["PyTorch's fastest form", "fgmix over PyTorch"]
    head += ["the same, by processor time", "over its float32"]
    settings = record["rows"][0]
    return markdown(head, rows) + (
        f"\n{settings['image_size']} px, attention `{settings['attention']}`, pooling "
        f"`{settings['pooling']}`, {record['rounds']} rounds of {record['steps']} steps; "
        "median (least to most) of the rounds.\n"
    )


def main() -> None:
    """Measures, prints, and writes after each network."""
    default = ["resnet50_torch:16", "vgg16_bn:8"]
    parser = parser_of(__doc__, "--networks", default)
    parser.add_argument("--precisions", nargs="+", default=PRECISIONS, choices=PRECISIONS)
    parser.add_argument("--attention", default="none", choices=("none", "mixed"))
    parser.add_argument("--pooling", default="flatten", choices=("flatten", "avg"))
    parser.add_argument("--torch-threads", type=int, nargs="+", default=[cores()])
    parser.add_argument("--torch-compile", action="store_true", help="PyTorch compiled too")
    args = parser.parse_args()
    libraries = ("tensorflow", "keras", "torch", "numpy")
    print(table(measure_each("training_speed", args, measure, *libraries)))


if __name__ == "__main__":
    main()
