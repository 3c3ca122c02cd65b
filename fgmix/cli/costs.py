"""`python -m fgmix costs`: what each attention costs on each backbone."""

import argparse
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from fgmix.cli.main import import_tensorflow
from fgmix.cli.parser import Parser, check_output_file
from fgmix.models.backbones.registry import BACKBONES
from fgmix.models.choices import POOLINGS, require

if TYPE_CHECKING:
    from fgmix.models.cost import ClassifierCost

EXAMPLES = """examples:
  python -m fgmix costs
  python -m fgmix costs --backbones tiny,mobilenet_v2 --image-size 128 --classes 10
"""
COUNTED = (
    "Multiply-adds for one image, in millions, of convolutions, dense layers and products with the "
    "feature map; normalisation, activations, pooling and additions are not counted. The paper "
    "says that attention brings no additional computation or storage: that does not hold for "
    "`mixed`, whose merge convolution alone has `2C*C + C` parameters."
)
COLUMNS = (
    "backbone",
    "attention",
    "backbone parameters",
    "attention parameters",
    "all parameters",
    "added parameters",
    "multiply-adds, M",
    "added multiply-adds",
)
NAMES = 2  # columns with names, not numbers


def main(argv: list[str]) -> int:
    """Parses the flags, counts, and prints or writes the table."""
    parser = Parser(
        prog="python -m fgmix costs",
        description="Parameters and multiply-adds of every backbone with every attention.",
        epilog=EXAMPLES,
    )
    parser.add_argument(
        "--backbones", metavar="NAME,NAME", help=f"some of {', '.join(BACKBONES)} (default: all)"
    )
    parser.add_argument(
        "--image-size", type=int, default=224, metavar="N", help="side in pixels (default: 224)"
    )
    parser.add_argument("--classes", type=int, default=196, metavar="N", help="(default: 196)")
    parser.add_argument(
        "--pooling",
        default="flatten",
        metavar="NAME",
        help=f"from feature map to vector: {', '.join(POOLINGS)} (default: flatten)",
    )
    parser.add_argument(
        "--reduction",
        type=int,
        default=16,
        metavar="N",
        help="channels per hidden unit of the attention's excitation (default: 16)",
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="write Markdown to this file")
    args = parser.parse_args(argv)
    backbones = list(BACKBONES) if args.backbones is None else args.backbones.split(",")
    for name in backbones:
        require("backbone", name, BACKBONES)
    require("pooling", args.pooling, POOLINGS)
    if args.output:
        check_output_file("--output", args.output)

    import_tensorflow()
    from fgmix.files import write_text
    from fgmix.models.cost import classifier_costs

    costs = {
        name: classifier_costs(
            name,
            num_classes=args.classes,
            image_size=args.image_size,
            pooling=args.pooling,
            reduction=args.reduction,
        )
        for name in backbones
    }
    table = format_table(row for name in backbones for row in rows(name, costs[name]))
    if args.output:
        write_text(args.output, _page(table, args))
        print(f"costs: {args.output}")
    else:
        print(f"{COUNTED}\n\n{table}")
    return 0


def rows(backbone: str, costs: "dict[str, ClassifierCost]") -> list[tuple[str, ...]]:
    """The cells of a backbone's rows, one an attention; shares are of the whole without one."""
    plain = costs["none"].whole
    return [
        (
            backbone,
            attention,
            f"{found.backbone.parameters:,}",
            f"{found.attention.parameters:,}",
            f"{found.whole.parameters:,}",
            _share(found.attention.parameters, plain.parameters),
            f"{found.whole.multiply_adds / 1e6:,.1f}",
            _share(found.attention.multiply_adds, plain.multiply_adds),
        )
        for attention, found in costs.items()
    ]


def format_table(body: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table that is also easy to read as it stands."""
    lines = [COLUMNS, *body]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    marks = ["-" * w if i < NAMES else "-" * (w - 1) + ":" for i, w in enumerate(widths)]
    lines.insert(1, tuple(marks))
    return "\n".join(
        "| "
        + " | ".join(
            cell.ljust(width) if i < NAMES else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        + " |"
        for line in lines
    )


def _share(added: int, whole: int) -> str:
    share = f"{100 * added / whole:.2f} %"
    return "< 0.01 %" if added and share == "0.00 %" else share


def _page(table: str, args: argparse.Namespace) -> str:
    import keras

    command = "python -m fgmix costs"
    if args.backbones:
        command += f" --backbones {args.backbones}"
    command += (
        f" --image-size {args.image_size} --classes {args.classes} --pooling {args.pooling} "
        f"--reduction {args.reduction} --output {args.output}"
    )
    made = textwrap.fill(
        f"{args.image_size} pixels, {args.classes} classes, pooling `{args.pooling}`, reduction "
        f"{args.reduction}. *Added* is what the attention adds, as a share of the whole with "
        f"`none`. Written by the command below with Keras {keras.__version__}.",
        100,
    )
    return (
        f"# What attention costs\n\n{textwrap.fill(COUNTED, 100)}\n\n{table}\n\n{made}\n\n"
        f"```\n{command}\n```\n"
    )
