"""`evaluate.py`: evaluates a finished run again, on its own test photos or on others."""

from pathlib import Path

from fgmix.cli.main import import_tensorflow
from fgmix.cli.parser import Parser, check_output_file
from fgmix.console import say
from fgmix.errors import FgmixError
from fgmix.runs.images import load_measured
from fgmix.runs.run import Run

EXAMPLES = """examples:
  python evaluate.py --model saved_models/demo-tiny-mixed-seed0
  python evaluate.py --model saved_models/RUN --json metrics.json --heatmaps 8
  python evaluate.py --model saved_models/RUN --dataset other_photos/ --split all
"""


def main(argv: list[str]) -> int:
    """Parses the flags, evaluates, and prints and writes the results."""
    parser = Parser(
        prog="evaluate.py",
        description="Evaluates a finished run.",
        epilog=EXAMPLES,
    )
    parser.add_argument("--model", required=True, metavar="RUN", help="folder of the run")
    parser.add_argument(
        "--dataset", help="name or folder of other photos, or where the run's own are now"
    )
    parser.add_argument("--data-dir", help="folder of the data set (default: the run's own)")
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
    args = parser.parse_args(argv)
    if args.heatmaps < 0:
        raise FgmixError(f"--heatmaps {args.heatmaps}: must be at least 0")
    if args.json:
        check_output_file("--json", args.json)
    run = Run.open(args.model)
    images, split = load_measured(run, args.dataset, args.data_dir, args.split)

    import_tensorflow()
    from fgmix.evaluation.metrics import summarize
    from fgmix.files import write_json
    from fgmix.workflows.train_and_evaluate import evaluate_images

    found, model = evaluate_images(run, images, split)
    say(summarize(found.metrics, split))
    if args.json:
        write_json(args.json, found.metrics)
        say(f"metrics: {args.json}")
    if args.heatmaps:
        from fgmix.explain.figures import save_heatmaps

        picture = run.directory / "heatmaps.png"
        save_heatmaps(picture, model, images, split, found, args.heatmaps)
        say(f"heat maps: {picture}")
    return 0
