"""`fgmix costs`: the cost of each attention on each backbone."""

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path

from fgmix.backend import import_tensorflow
from fgmix.cli.parser import Parser, check_output_file
from fgmix.console import say
from fgmix.models.backbones.hub_preset import GROUP
from fgmix.models.backbones.registry import BACKBONES
from fgmix.models.choices import POOLINGS, require

EXAMPLES = """examples:
  fgmix costs
  fgmix costs --backbones tiny,mobilenet_v2 --image-size 128 --classes 10
"""


def make_parser() -> Parser:
    """Returns the parser of the flags."""
    parser = Parser(
        "costs",
        description="Counts the parameters and multiply-adds of every backbone with every "
        "attention.",
        epilog=EXAMPLES,
    )
    parser.add_argument(
        "--backbones",
        metavar="NAME,NAME",
        help=f"from {', '.join(BACKBONES)}; or hub:PRESET (default: all of the first)",
    )
    parser.add_argument(
        "--image-size", type=int, default=224, metavar="N", help="side in pixels (default: 224)"
    )
    parser.add_argument(
        "--classes", type=int, default=196, metavar="N", help="number of classes (default: 196)"
    )
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
    return parser


def main(argv: list[str]) -> int:
    """Parses the flags, and prints or writes the table of costs."""
    args = make_parser().parse_args(argv)
    away = [] if args.backbones is not None else _away()
    named = list(BACKBONES) if args.backbones is None else args.backbones.split(",")
    backbones = [name for name in named if name not in away]
    for name in backbones:
        require("backbone", name, BACKBONES)
    require("pooling", args.pooling, POOLINGS)
    if args.output:
        check_output_file("--output", args.output)

    import_tensorflow()
    from fgmix.files import write_text
    from fgmix.models.cost import classifier_costs
    from fgmix.models.cost_table import COUNTED, cost_page, cost_rows, cost_table

    settings = {
        "num_classes": args.classes,
        "image_size": args.image_size,
        "pooling": args.pooling,
        "reduction": args.reduction,
    }
    costs = {name: classifier_costs(name, **settings) for name in backbones}
    table = cost_table(row for name in backbones for row in cost_rows(name, costs[name]))
    if away:
        say(
            f"left out, since they need pip install 'fgmix[{GROUP}]': {', '.join(away)}",
            file=sys.stderr,
        )
    if args.output:
        write_text(args.output, cost_page(table, **settings, command=_command(args)))
        say(f"costs: {args.output}")
    else:
        say(f"{COUNTED}\n\n{table}")
    return 0


def _away() -> list[str]:
    """Returns the named backbones that can't be built here, because a group is not installed."""
    if find_spec("keras_hub") is not None:
        return []
    return [name for name, entry in BACKBONES.items() if entry.preset is not None]


def _command(args: argparse.Namespace) -> str:
    """Returns the command that writes the page again."""
    given = f" --backbones {args.backbones}" if args.backbones else ""
    return (
        f"fgmix costs{given} --image-size {args.image_size} --classes {args.classes} "
        f"--pooling {args.pooling} --reduction {args.reduction} --output {args.output}"
    )
