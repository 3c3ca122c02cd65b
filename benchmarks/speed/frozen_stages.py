"""The time that a training step saves if the first stages of the backbone are frozen.

    python -m benchmarks.speed.frozen_stages
    python -m benchmarks.speed.frozen_stages --backbones resnet50_torch:16 --image-size 224

Every form is trained in a separate process, alternately: the whole network, from stride 4, from
stride 8 (as in recipe `strong`), and the latter with BatchNorm frozen too.
"""

import argparse
from typing import Any

from benchmarks.lib.networks import measure_each, parser_of
from benchmarks.lib.records import Record, markdown
from benchmarks.lib.rounds import ratios, show, spread, take_turns
from benchmarks.lib.workers import started

WHOLE = "all stages"
FORMS: dict[str, dict[str, Any]] = {
    WHOLE: {},
    "from stride 4 on": {"frozen_stride": 4},
    "from stride 8 on": {"frozen_stride": 8},
    "all stages, BatchNorm frozen": {"bn": "frozen"},
    "from stride 8 on, BatchNorm frozen": {"frozen_stride": 8, "bn": "frozen"},
}


def measure(args: argparse.Namespace, backbone: str, batch: int) -> dict[str, Any]:
    """Times one backbone in all forms."""
    settings = {
        "backbone": backbone,
        "pooling": "avg",
        "image_size": args.image_size,
        "batch": batch,
        "steps": args.steps,
    }
    forms = {
        name: ("benchmarks.lib.train_steps:fgmix_step", settings | form)
        for name, form in FORMS.items()
    }
    with started(forms) as workers:
        answers = take_turns(workers, args.rounds)
    seconds = {name: [answer["seconds"] for answer in found] for name, found in answers.items()}
    return {
        "backbone": backbone,
        "batch": batch,
        "image_size": args.image_size,
        "seconds_a_step": seconds,
        "peak_mebibytes": {name: found[-1]["peak_mebibytes"] for name, found in answers.items()},
        "parameters": {name: worker.about["parameters"] for name, worker in workers.items()},
        "times_faster": {name: ratios(seconds[WHOLE], found) for name, found in seconds.items()},
    }


def table(record: Record) -> str:
    """Returns the table of seconds per step, speed-up, and memory."""
    rows = [
        [
            f"`{row['backbone']}`",
            row["batch"],
            name,
            f"{row['parameters'][name]:,}",
            show(spread(row["seconds_a_step"][name])),
            "" if name == WHOLE else show(row["times_faster"][name]),
            f"{row['peak_mebibytes'][name]:,.0f}",
        ]
        for row in record["rows"]
        for name in row["seconds_a_step"]
    ]
    head = ["backbone", "batch", "trained", "parameters trained", "s a step"]
    head += ["times faster", "MiB at most"]
    return markdown(head, rows) + (
        f"\n{record['rows'][0]['image_size']} px, no attention, pooling `avg`, float32, "
        f"{record['rounds']} rounds of {record['steps']} steps; median (least to most) of the "
        "rounds.\n"
    )


def main() -> None:
    """Measures, prints, and writes after each backbone."""
    parser = parser_of(__doc__, "--backbones", ["mobilenet_v2:32"], steps=5)
    parser.set_defaults(image_size=160)
    args = parser.parse_args()
    print(table(measure_each("frozen_stages", args, measure, "tensorflow", "keras", "numpy")))


if __name__ == "__main__":
    main()
