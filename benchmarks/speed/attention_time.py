"""The time that `mixed` adds to a training step over `none`, beside the multiply-adds it adds.

    python -m benchmarks.speed.attention_time
    python -m benchmarks.speed.attention_time --backbones mobilenet_v2:32 --precision bfloat16

Both classifiers are trained in separate processes that alternate, as `train.py` trains them.
The relative additions are those of time, by round, and of the forward multiply-adds that
`fgmix.models.cost` counts.
"""

import argparse
from typing import Any

from benchmarks.lib.networks import measure_each, parser_of
from benchmarks.lib.records import Record, markdown
from benchmarks.lib.rounds import ratios, show, spread, take_turns
from benchmarks.lib.train_steps import CLASSES
from benchmarks.lib.workers import started


def measure(args: argparse.Namespace, backbone: str, batch: int) -> dict[str, Any]:
    """Times one backbone with every attention, and counts."""
    settings = {
        "backbone": backbone,
        "pooling": args.pooling,
        "image_size": args.image_size,
        "batch": batch,
        "precision": args.precision,
        "steps": args.steps,
    }
    attentions = ("none", "mixed")
    own = {
        x: ("benchmarks.lib.train_steps:fgmix_step", settings | {"attention": x})
        for x in attentions
    }
    with started(own) as workers:
        answers = take_turns(workers, args.rounds)
    seconds, processor = (
        {name: [answer[key] for answer in found] for name, found in answers.items()}
        for key in ("seconds", "processor_seconds")
    )
    from fgmix.backend import import_tensorflow

    import_tensorflow()
    from fgmix.models.cost import classifier_costs

    costs = classifier_costs(
        backbone,
        attentions,
        num_classes=CLASSES,
        image_size=args.image_size,
        pooling=args.pooling,
    )
    counted = {name: cost.whole.multiply_adds for name, cost in costs.items()}
    return {
        **{k: v for k, v in settings.items() if k != "steps"},
        "seconds_a_step": seconds,
        "processor_seconds_a_step": processor,
        "added_time": added(seconds),
        "added_processor_time": added(processor),
        "added_multiply_adds": counted["mixed"] / counted["none"] - 1,
        "peak_mebibytes": {name: found[-1]["peak_mebibytes"] for name, found in answers.items()},
    }


def added(times: dict[str, list[float]]) -> dict[str, float]:
    """Returns the relative addition of `mixed`, by round."""
    return {name: ratio - 1 for name, ratio in ratios(times["mixed"], times["none"]).items()}


def table(record: Record) -> str:
    """Returns the table of seconds per step and both relative additions."""
    rows = [
        [
            f"`{row['backbone']}`",
            row["batch"],
            *(show(spread(row["seconds_a_step"][name])) for name in ("none", "mixed")),
            percents(row["added_time"]),
            percents(row["added_processor_time"]),
            f"{row['added_multiply_adds']:.1%}",
        ]
        for row in record["rows"]
    ]
    head = ["backbone", "batch", "`none`, s a step", "`mixed`, s a step"]
    head += ["added time", "added processor time", "added multiply-adds, forward"]
    first = record["rows"][0]
    return markdown(head, rows) + (
        f"\n{first['image_size']} px, pooling `{first['pooling']}`, {first['precision']}, "
        f"{record['rounds']} rounds of {record['steps']} steps; median (least to most) of the "
        "rounds.\n"
    )


def percents(share: dict[str, float]) -> str:
    """Returns a spread of fractions as a table cell."""
    return show({name: 100 * value for name, value in share.items()}, 1) + " %"


def main() -> None:
    """Measures, prints, and writes after each backbone."""
    default = ["vgg16:8", "resnet50:16", "mobilenet_v2:16"]
    parser = parser_of(__doc__, "--backbones", default)
    parser.add_argument("--pooling", default="avg", choices=("flatten", "avg"))
    parser.add_argument("--precision", default="float32", choices=("float32", "bfloat16"))
    args = parser.parse_args()
    print(table(measure_each("attention_time", args, measure, "tensorflow", "keras", "numpy")))


if __name__ == "__main__":
    main()
