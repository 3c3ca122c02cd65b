"""`fgmix evaluate`: evaluates a finished run again, on its own test photos or on others."""

from pathlib import Path

from fgmix.cli.ensemble import AVERAGING, add_models, require_model
from fgmix.cli.parser import Parser, check_output_file
from fgmix.console import say
from fgmix.errors import FgmixError
from fgmix.files import write_json
from fgmix.runs.ensemble import Ensemble
from fgmix.runs.record import METRICS
from fgmix.workflows.evaluate_run import evaluate_run

EXAMPLES = f"""examples:
  fgmix evaluate --model saved_models/demo-tiny-mixed-seed0
  fgmix evaluate --model saved_models/RUN --json metrics.json --heatmaps 8
  fgmix evaluate --model saved_models/RUN --dataset other_photos/ --split all
  fgmix evaluate --model saved_models/RUN --split val --tta flip
  fgmix evaluate --model saved_models/RUN-seed0 saved_models/RUN-seed1 --tta flip

{AVERAGING}
Nothing in the runs' folders is changed but RUN/heatmaps.png by --heatmaps.
"""


def make_parser() -> Parser:
    """Returns the parser of the flags."""
    parser = Parser(
        "evaluate",
        description="Evaluates a finished run, or several runs together.",
        epilog=EXAMPLES,
    )
    add_models(parser)
    parser.add_argument(
        "--dataset",
        help="name, folder or table of other photos, or where the run's own are now",
    )
    parser.add_argument("--data-dir", help="folder of the data set (default: the run's own)")
    parser.add_argument(
        "--columns",
        metavar="NAMES",
        help="names of a table's columns, as for train (default: the run's own)",
    )
    parser.add_argument(
        "--split",
        help="train, val, test, fold or all (default: the split that the run was measured on, test "
        "or, with --folds, fold; test for other photos)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the metrics here")
    parser.add_argument(
        "--heatmaps",
        type=int,
        default=0,
        metavar="N",
        help="draw heat maps of N photos into RUN/heatmaps.png (default: 0)",
    )
    return parser


def main(argv: list[str]) -> int:
    """Parses the flags, evaluates, and prints and writes the results."""
    args = make_parser().parse_args(argv)
    require_model(args.model)
    if args.heatmaps < 0:
        raise FgmixError(f"--heatmaps {args.heatmaps}: must be at least 0")
    if args.json:
        check_output_file("--json", args.json)
    ensemble = Ensemble.open(args.model, args.tta)
    if args.heatmaps and ensemble.averages:
        raise FgmixError(
            "--heatmaps shows where one run looks in a photo as it is: give one run without --tta"
        )
    for run in ensemble.runs:
        if args.json and args.json.resolve() == (run.directory / METRICS).resolve():
            raise FgmixError(f"--json {args.json} is the run's own record: give another file")
    found, images, split, model = evaluate_run(
        ensemble, args.dataset, args.data_dir, args.split, args.columns
    )
    from fgmix.evaluation.metrics import summarize

    if ensemble.averages:
        say(f"{ensemble.describe()}:")
    say(summarize(found.metrics, split))
    if args.json:
        write_json(args.json, found.metrics | ensemble.record())
        say(f"metrics: {args.json}")
    if args.heatmaps:
        from fgmix.explanation.figures import save_heatmaps

        picture = ensemble.first.directory / "heatmaps.png"
        save_heatmaps(picture, model, images, split, found, args.heatmaps)
        say(f"heat maps: {picture}")
    return 0
