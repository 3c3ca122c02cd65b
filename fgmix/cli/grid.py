"""`fgmix grid`: trains every combination of settings on your own data, and compares them."""

from fgmix.cli.grid_flags import (
    MANY,
    add_grid_flags,
    add_run_flags,
    names_in,
    plan,
    train_cells,
)
from fgmix.cli.parser import Parser
from fgmix.errors import FgmixError
from fgmix.grid.results import results_name, write_grid

EXAMPLES = f"""examples:
  fgmix grid --dataset photos/ --attentions none,mixed --dry-run       # show the plan
  fgmix grid --dataset photos/ --attentions none,mixed --jobs 4        # four at a time
  fgmix grid --dataset photos/ --attentions none,mixed --worker        # on any number of hosts
  fgmix grid --dataset photos/ --backbones mobilenet_v2,resnet50 --recipes frozen,strong
  fgmix grid --dataset photos/ --backbones mobilenet_v2 --shots 5,10,20 --seeds 5
  fgmix grid --dataset photos/ --backbones mobilenet_v2 --folds 5 --seeds 1
{MANY}"""

OWN = (
    *("dataset", "attention", "gate", "backbone", "weights", "seed"),
    *("recipe", "shots", "folds", "fold"),
)
"""Fields without a flag of their own: the grid sets them."""


def main(argv: list[str]) -> int:
    """Parses the flags, trains the cells that are not finished, and writes the results."""
    parser = make_parser()
    args = parser.parse_args(argv)
    cells, dataset = plan(
        args,
        OWN,
        recipes=names_in(args.recipes) if args.recipes else [None],
        shots=_numbers(args.shots) if args.shots else [None],
        folds=args.folds,
    )
    axes = ("backbones", "attentions", "gates", "recipes", "shots", "folds")
    varied = [getattr(args, axis) for axis in axes]
    grid = [str(v) for v, a in zip(varied, axes, strict=True) if v != parser.get_default(a)]
    apart = ("recipe", "shots", "folds", "fold")
    output = args.output or args.runs / results_name("grid", dataset, grid, cells[0].config, apart)
    return train_cells(args, cells, output, write_grid)


def make_parser() -> Parser:
    """Returns the parser of the flags."""
    parser = Parser(
        "grid",
        description="Trains every combination of backbones, attentions, recipes, shots, folds and "
        "seeds on your data, many at a time if you like, and writes a table and comparisons.",
        epilog=EXAMPLES,
    )
    grid = add_grid_flags(parser, backbones=None, attentions="mixed")
    grid.add_argument(
        "--recipes", metavar="LIST", help="paper, strong, frozen (default: that of fgmix train)"
    )
    grid.add_argument(
        "--shots", metavar="LIST", help="training photos of every class: 5,10,20 (default: all)"
    )
    grid.add_argument(
        "--folds", type=int, metavar="K", help="hold each of K folds out once (default: none)"
    )
    add_run_flags(parser, OWN)
    return parser


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in names_in(text)]
    except ValueError as error:
        raise FgmixError(f"--shots {text}: give numbers, such as 5,10,20") from error
