"""`fgmix report`: writes one HTML page on finished runs."""

from datetime import date
from pathlib import Path

from fgmix.backend import import_tensorflow
from fgmix.cli.parser import Parser, add_place, check_output_file
from fgmix.console import say
from fgmix.errors import FgmixError

EXAMPLES = """examples:
  fgmix report saved_models/RUN                        # one run
  fgmix report saved_models --output cars.html         # all runs in a folder
  fgmix report saved_models/cars-* --baseline conv --group mixed
  fgmix report saved_models/RUN --no-photos            # to send to others

The page is a single file that loads nothing from other hosts: mail it, print it, open it on a
phone. It shows how good the runs are, whether the attention is worth it, where they look and fail,
how they were trained and how to use them. Runs are grouped and compared as by
`fgmix compare`. Photos and heat maps are shown if the photos and the models still exist.
"""

HEATMAPS = 4


def main(argv: list[str]) -> int:
    """Parses the flags, compares the runs, and writes the page."""
    args = make_parser().parse_args(argv)
    check_output_file("--output", args.output)
    if args.output.suffix.lower() not in (".html", ".htm"):
        raise FgmixError(f"--output {args.output}: must end in .html")
    if args.heatmaps < 0:
        raise FgmixError(f"--heatmaps {args.heatmaps}: give a number of photos, or 0 for none")

    from fgmix.comparison.contrasts import compare
    from fgmix.comparison.study import open_study
    from fgmix.report.looks import Looks, look, obstacle
    from fgmix.report.page import find_focus, image_root, make_report, write_report

    study = open_study(args.runs)
    focus = find_focus(study, args.group)
    comparison = compare(study, args.baseline)
    root = image_root(study, args.dataset, args.data_dir)
    count = 0 if args.no_photos else args.heatmaps
    why_not = obstacle(study, root, count)
    if why_not:
        looks = Looks(why_not=why_not)
    else:
        import_tensorflow()
        looks = look(study, root, count)
    report = make_report(comparison, focus, looks, root, not args.no_photos)
    size = write_report(args.output, report, date.today())
    say(f"report: {args.output} ({size / 1e6:.1f} MB)")
    return 0


def make_parser() -> Parser:
    """Returns the parser of the flags."""
    parser = Parser(
        "report",
        description="Writes one HTML page on finished runs.",
        epilog=EXAMPLES,
    )
    parser.add_argument(
        "runs", nargs="+", metavar="RUN", help="a run's folder, or a folder that holds runs"
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("report.html"),
        metavar="FILE",
        help="the page (default: report.html)",
    )
    parser.add_argument(
        "--baseline",
        metavar="NAME",
        help="what to compare with, as for compare (default: attention none, or else the first "
        "group)",
    )
    parser.add_argument(
        "--group",
        metavar="NAME",
        help="the group whose mistakes are shown (default: mixed, or else the last)",
    )
    parser.add_argument(
        "--heatmaps",
        type=int,
        default=HEATMAPS,
        metavar="N",
        help=f"number of test photos with heat maps; 0: none (default: {HEATMAPS})",
    )
    add_place(parser)
    parser.add_argument(
        "--no-photos", action="store_true", help="leave out photos, so that the page can be shared"
    )
    return parser
