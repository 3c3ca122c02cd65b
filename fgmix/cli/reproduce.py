"""`fgmix reproduce`: trains the paper's grid of runs; writes its tables and figures."""

from fgmix.cli.grid_flags import MANY, add_grid_flags, add_run_flags, plan, train_cells
from fgmix.cli.parser import Parser
from fgmix.grid.results import results_name
from fgmix.reproduction.output import write_results

EXAMPLES = f"""examples:
  fgmix reproduce --dataset cars --seeds 3 --dry-run        # show the plan
  fgmix reproduce --dataset cars,aircraft --seeds 3 --monitor-test
  fgmix reproduce --dataset cars --attentions spatial,mixed --gates linear,sigmoid,softmax
  fgmix reproduce --dataset cars --attentions none,mixed,conv,cbam
  fgmix reproduce --dataset photos/ --backbones mobilenet_v2 --recipe strong --epochs 20
  fgmix reproduce --dataset cars --seeds 3 --jobs 4         # four cells at a time
{MANY}"""

OWN = ("dataset", "attention", "gate", "backbone", "weights", "seed", "folds", "fold")
"""Fields without a flag of their own: the grid sets them, and Table II has no folds."""


def main(argv: list[str]) -> int:
    """Parses the flags, trains the unfinished cells of the grid, and writes its results."""
    parser = make_parser()
    args = parser.parse_args(argv)
    cells, dataset = plan(args, OWN)
    grid = {name: getattr(args, name) for name in ("backbones", "attentions", "gates")}
    changed = [value for name, value in grid.items() if value != parser.get_default(name)]
    name = results_name("reproduce", dataset, changed, cells[0].config)
    return train_cells(args, cells, args.output or args.runs / name, write_results)


def make_parser() -> Parser:
    """Returns the parser of the flags."""
    parser = Parser(
        "reproduce",
        description="Trains every combination of data set, backbone, attention and seed, and "
        "writes the paper's Tables I and II and Fig. 2 with the results beside the paper's.",
        epilog=EXAMPLES,
    )
    add_grid_flags(
        parser, backbones="vgg16_bn,resnet50_torch", attentions="none,channel,spatial,mixed"
    )
    add_run_flags(parser, OWN)
    return parser
