"""`fgmix check`: audits a data set before training, or its labels after training."""

from argparse import Namespace
from pathlib import Path

from fgmix.audit.features import BackboneChoice, choose_backbone
from fgmix.audit.load import Subject, load_subject
from fgmix.backend import import_tensorflow
from fgmix.cli.parser import Parser, check_output_folder
from fgmix.console import say
from fgmix.errors import FgmixError
from fgmix.runs.images import load_images
from fgmix.runs.run import Run

EXAMPLES = """examples:
  fgmix check --dataset photos/
  fgmix check --dataset labels.csv --data-dir photos/
  fgmix check --dataset cars --data-dir DIR --output cars-check
  fgmix check --dataset photos/ --backbone mobilenet_v2
  fgmix check --model saved_models/RUN-folds_5-fold_0-seed0

With --dataset, it writes report.html, a page that shows what was found, the worst first, and what
to do; and report.json, with every case. The exit code is 1 if something would hurt training,
otherwise 0: blurred, dark, tiny or oddly shaped photos are advice.

With --backbone, photos are also compared by the features of a pretrained network. It finds smaller
parts of a picture, and classes that look like two. The features are stored: a second check takes
them from there.

With --model, it takes the runs of all folds of one experiment (fgmix train --folds N with --fold 0,
1, ... N-1), so that each training photo is judged by a model that has not seen it, and writes
suspects.html (the photos that are likely mislabelled), suspects.csv and classes.csv. If a single
run is given, the other folds are looked up beside it. The exit code is 0, because label issues need
a person's judgement. Bad usage exits with 2.
"""
TOP = 100


def make_parser() -> Parser:
    """Returns the parser of the flags."""
    parser = Parser(
        "check",
        description="Reads every photo of a data set once and reports what would hurt training; or "
        "uses trained runs to find labels that are likely wrong and classes that need more photos.",
        epilog=EXAMPLES,
    )
    parser.add_argument(
        "--dataset",
        help="name of a data set, a folder or a table; with --model: where the photos of the runs "
        "are now",
    )
    parser.add_argument(
        "--model", nargs="+", metavar="RUN", help="runs with --folds, or one of them"
    )
    parser.add_argument("--data-dir", help="folder of a named data set, or of a table's photos")
    parser.add_argument(
        "--columns", metavar="NAMES", help="names of a table's columns, as for train"
    )
    parser.add_argument("--split-seed", type=int, metavar="N", help="as for train (default: 0)")
    parser.add_argument(
        "--backbone",
        metavar="NAME",
        help="with --dataset: also compare photos by the features of this backbone (fgmix "
        "backbones lists them)",
    )
    parser.add_argument(
        "--weights", metavar="W", help="of --backbone: imagenet or a file (default: imagenet)"
    )
    parser.add_argument(
        "--top", type=int, metavar="N", help=f"with --model: list N label issues (default: {TOP})"
    )
    parser.add_argument(
        "--output", metavar="DIR", help="folder for the results (default: audits/NAME)"
    )
    return parser


def main(argv: list[str]) -> int:
    """Parses the arguments, runs the audit, and prints and writes its findings."""
    parser = make_parser()
    args = parser.parse_args(argv)
    if not (args.dataset or args.model):
        parser.error("give --dataset or --model")
    _check_numbers(args)
    if args.output:
        check_output_folder("--output", Path(args.output))
    output = Path(args.output) if args.output else None
    if args.model:
        return _check_labels(args, output)
    backbone = choose_backbone(args.backbone, args.weights)
    subject = load_subject(args.dataset, args.data_dir, args.split_seed or 0, args.columns)
    return _check_images(subject, output, backbone)


def _check_images(subject: Subject, output: Path | None, backbone: BackboneChoice | None) -> int:
    """Audits a data set; the exit code is 1 if something would hurt training."""
    import_tensorflow()
    from fgmix.audit.report import audit_dataset, report_lines

    output = output or Path("audits") / subject.dataset.name
    audit = audit_dataset(subject, output, backbone)
    say("\n".join(report_lines(audit)))
    say(f"\nwritten to {output}: {', '.join(audit.written)}")
    return 1 if audit.hurts else 0


def _check_labels(args: Namespace, output: Path | None) -> int:
    """Audits labels; the exit code is 0, because label issues need a person's judgement."""
    from fgmix.audit.label_report import audit_labels, label_lines, write_label_audit

    root = None
    if args.dataset or args.data_dir:
        first = Run.open(args.model[0])
        root = load_images(first, args.dataset, args.data_dir, args.columns).root
    audit = audit_labels(args.model, TOP if args.top is None else args.top, root)
    import_tensorflow()
    output = output or Path("audits") / audit.predictions.name
    written = write_label_audit(output, audit)
    say("\n".join(label_lines(audit)))
    say(f"\nwritten to {output}: {', '.join(written)}")
    return 0


def _check_numbers(args: Namespace) -> None:
    """Checks that flags go with the subject and values are in range."""
    subject, others = (
        ("--model", ("split_seed", "backbone", "weights"))
        if args.model
        else ("--dataset", ("top",))
    )
    for name in others:
        if getattr(args, name) is not None:
            raise FgmixError(f"--{name.replace('_', '-')} can't be used with {subject}")
    for name, least in (("split_seed", 0), ("top", 1)):
        value = getattr(args, name)
        if value is not None and value < least:
            raise FgmixError(f"--{name.replace('_', '-')} {value}: must be at least {least}")
