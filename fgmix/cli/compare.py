"""`fgmix compare`: tests whether one group of runs is better than another."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from fgmix.cli.parser import Parser, check_output_file
from fgmix.console import say
from fgmix.errors import FgmixError

EXAMPLES = """examples:
  fgmix compare saved_models/cars-*                  # the shell lists the runs
  fgmix compare saved_models --markdown comparison.md --json comparison.json
  fgmix compare saved_models --baseline conv --plot comparison.png
  fgmix compare saved_models/photos-*shots* --plot learning.png
  fgmix compare saved_models/RUN                     # one run: where it fails

Runs that differ only in their seed are one group. All runs must have been measured on the same test
photos. With one seed each, McNemar's exact test compares two trained models; with several seeds,
both photos and seeds are treated as random samples. "No difference shown" does not mean "no
difference": the table shows how small a difference could have been detected.
docs/explanation/statistics.md explains the method.
"""

FORMATS = (".png", ".svg", ".pdf")


def main(argv: list[str]) -> int:
    """Parses the flags, compares, and prints and writes the results."""
    parser = make_parser()
    args = parser.parse_args(argv)
    for flag in ("markdown", "csv", "json", "plot", "curves"):
        path = getattr(args, flag)
        if path:
            check_output_file(f"--{flag}", path)
            if flag in ("plot", "curves") and path.suffix.lower() not in FORMATS:
                raise FgmixError(f"--{flag} {path}: must end in one of {', '.join(FORMATS)}")

    from fgmix.comparison.contrasts import as_fraction, compare
    from fgmix.comparison.failures import find_failures
    from fgmix.comparison.output import as_markdown, as_text, write_groups, write_record
    from fgmix.comparison.study import open_study
    from fgmix.files import write_text

    target = as_fraction(args.difference)
    study = open_study(args.runs)
    found = compare(study, args.baseline, target)
    failures = find_failures(study, study.groups[0]) if len(study.groups) == 1 else None
    writers: dict[str, Callable[[Path], None]] = {
        "markdown": lambda path: write_text(path, as_markdown(found, failures)),
        "csv": lambda path: write_groups(path, found),
        "json": lambda path: write_record(path, found),
        "plot": lambda path: _plots().save_comparison(path, found),
        "curves": lambda path: _plots().save_history(path, found),
    }
    say(as_text(found, failures))
    written = []
    for flag, write in writers.items():
        path = getattr(args, flag)
        if path:
            write(path)
            written.append(str(path))
    if written:
        say(f"\nwritten: {', '.join(written)}")
    return 0


def make_parser() -> Parser:
    """Returns the parser of the flags."""
    parser = Parser(
        "compare",
        description="Compares finished runs on their test photos: means over seeds, differences to "
        "a baseline with intervals and p-values, detectable differences, and a verdict.",
        epilog=EXAMPLES,
    )
    parser.add_argument(
        "runs", nargs="+", metavar="RUN", help="a run's folder, or a folder that holds runs"
    )
    parser.add_argument(
        "--baseline",
        metavar="NAME",
        help="what to compare with: a group's name, or a value of a setting, such as none, conv "
        "or vgg16 (default: attention none, or else the first group)",
    )
    parser.add_argument(
        "--difference",
        type=float,
        metavar="POINTS",
        help="compute the seeds needed to show this difference (default: the paper's on its own "
        "data sets and backbones, otherwise 1)",
    )
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write one row per group")
    parser.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="write all numbers, including where each group fails",
    )
    parser.add_argument(
        "--plot",
        type=Path,
        metavar="FILE",
        help="draw means and differences, or learning curves if runs differ in --shots or "
        "--train-fraction (.png, .svg or .pdf)",
    )
    parser.add_argument(
        "--curves", type=Path, metavar="FILE", help="draw loss and accuracy by epoch"
    )
    return parser


def _plots() -> ModuleType:
    """Returns the plotting module, imported late because Matplotlib is slow to import."""
    from fgmix.comparison import plots

    return plots
