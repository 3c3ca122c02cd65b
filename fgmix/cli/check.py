"""`python -m fgmix check`: audit a data set before training on it, or its labels after."""

from argparse import Namespace
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fgmix.cli.check_labels import check_labels
from fgmix.cli.main import import_tensorflow
from fgmix.cli.parser import Parser, check_output_folder
from fgmix.errors import FgmixError

if TYPE_CHECKING:
    from fgmix.audit.findings import Finding
    from fgmix.audit.scan import Photo
    from fgmix.data.dataset import ImageDataset
    from fgmix.data.sources.layout import Layout

EXAMPLES = """examples:
  python -m fgmix check --dataset photos/
  python -m fgmix check --dataset cars --data-dir DIR --output cars-check
  python -m fgmix check --model saved_models/RUN-folds_5-fold_0-seed0

With --dataset it writes report.json (every finding), contact_sheet.png and, if photos stand there
twice, copies.png. The exit code is 1 if something would hurt training, 0 if nothing would.

With --model it takes the runs of all folds of one experiment (train.py --folds N with --fold 0, 1,
... N-1), so that each training photo is judged by a model that has not seen it, and writes
suspects.html (the photos that are likely mislabelled), suspects.csv and classes.csv. Named alone,
a run brings the other folds that lie beside it. The exit code is 0: a suspect is for a person to
judge. Bad usage is 2.
"""
TOP = 100
SHOWN = 5
REPORT, SHEET, COPIES = "report.json", "contact_sheet.png", "copies.png"


def main(argv: list[str]) -> int:
    """Parses the arguments, reads every photo, prints and writes what was found."""
    parser = Parser(
        prog="python -m fgmix check",
        description="Reads every photo of a data set once and says what would hurt training; or "
        "finds, by trained runs, labels that are likely wrong and classes that need photos.",
        epilog=EXAMPLES,
    )
    subject = parser.add_mutually_exclusive_group(required=True)
    subject.add_argument("--dataset", help="name of a data set, or a folder")
    subject.add_argument(
        "--model", nargs="+", metavar="RUN", help="runs with --folds, or one of them"
    )
    parser.add_argument("--data-dir", help="where a named data set lies")
    parser.add_argument("--split-seed", type=int, metavar="N", help="as in train.py (default: 0)")
    parser.add_argument(
        "--top", type=int, metavar="N", help=f"with --model: list N suspects (default: {TOP})"
    )
    parser.add_argument(
        "--output", metavar="DIR", help="folder for what is written (default: audits/NAME)"
    )
    args = parser.parse_args(argv)
    _check_numbers(args)
    if args.output:
        check_output_folder("--output", Path(args.output))
    if args.model:
        top = TOP if args.top is None else args.top
        return check_labels(args.model, Path(args.output) if args.output else None, top)
    dataset, layout, refusal = _load(args.dataset, args.data_dir, args.split_seed or 0)

    import_tensorflow()
    from fgmix.audit.contact_sheet import draw_classes, draw_copies
    from fgmix.audit.findings import count_classes, find_copies, find_problems
    from fgmix.audit.scan import read_photos
    from fgmix.files import write_json

    photos = read_photos(dataset)
    copies = find_copies(photos)
    findings = find_problems(dataset, photos, copies, layout, refusal)

    output = Path(args.output) if args.output else Path("audits") / dataset.name
    output.mkdir(parents=True, exist_ok=True)
    record = _record(dataset, photos, findings)
    record["classes"] = count_classes(dataset, photos)
    written = [REPORT, SHEET]
    draw_classes(output / SHEET, dataset, photos)
    if copies:
        draw_copies(output / COPIES, dataset.root, copies, dataset.crop_bottom)
        written.append(COPIES)
    else:
        (output / COPIES).unlink(missing_ok=True)
    write_json(output / REPORT, record)
    print("\n".join(_report(record, findings)))
    print(f"\nwritten to {output}: {', '.join(written)}")
    return 1 if any(finding.hurts for finding in findings) else 0


def _check_numbers(args: Namespace) -> None:
    """Refuses flags that don't go with the subject, and values out of range."""
    subject, others = (
        ("--model", ("data_dir", "split_seed")) if args.model else ("--dataset", ("top",))
    )
    for name in others:
        if getattr(args, name) is not None:
            raise FgmixError(f"--{name.replace('_', '-')} does not go with {subject}")
    for name, least in (("split_seed", 0), ("top", 1)):
        value = getattr(args, name)
        if value is not None and value < least:
            raise FgmixError(f"--{name.replace('_', '-')} {value}: must be at least {least}")


def _load(
    name: str, data_dir: str | None, split_seed: int
) -> tuple["ImageDataset", "Layout | None", str | None]:
    """The data set; what lies in its folder, if it is one; why training refuses it, if it does."""
    from fgmix.data.sources.layout import survey_folder
    from fgmix.data.sources.registry import SOURCES, load_dataset

    folder = Path(name).expanduser()
    if name in SOURCES or not folder.is_dir():
        return load_dataset(name, data_dir, split_seed), None, None
    layout = survey_folder(folder)
    try:
        return load_dataset(name, data_dir, split_seed), layout, None
    except FgmixError as error:
        if not any(map(len, layout.dataset.splits.values())):
            raise
        return layout.dataset, layout, str(error)


def _record(
    dataset: "ImageDataset", photos: Sequence["Photo"], findings: Sequence["Finding"]
) -> dict[str, Any]:
    """What `report.json` holds, but for the classes."""
    from fgmix.audit.duplicates import MAX_DISTANCE
    from fgmix.data.codec.headers import MAX_PIXELS

    good = sorted((p for p in photos if not p.problem), key=lambda p: p.width * p.height)
    return {
        "dataset": dataset.name,
        "root": str(dataset.root.resolve()),
        "hurts": any(finding.hurts for finding in findings),
        "photos": {
            name: {"files": len(split), "readable": sum(p.split == name for p in good)}
            for name, split in dataset.splits.items()
        },
        "formats": dict(Counter(p.format or "unknown" for p in good).most_common()),
        "sizes": {
            name: [good[place].width, good[place].height]
            for name, place in (("smallest", 0), ("median", len(good) // 2), ("largest", -1))
            if good
        },
        "limits": {"max_pixels": MAX_PIXELS, "max_distance": MAX_DISTANCE},
        "findings": [
            {
                "kind": finding.kind,
                "hurts": finding.hurts,
                "summary": finding.summary,
                "remedy": finding.remedy,
                "items": list(finding.items),
            }
            for finding in findings
        ],
    }


def _report(record: dict[str, Any], findings: Sequence["Finding"]) -> list[str]:
    """The report as a person reads it, line by line."""
    from fgmix.audit.findings import describe

    splits = ", ".join(f"{counts['readable']} {name}" for name, counts in record["photos"].items())
    classes = {name: sum(by_split.values()) for name, by_split in record["classes"].items()}
    ranked = sorted(classes, key=lambda name: (classes[name], name))
    named = [f"{name} ({classes[name]})" for name in ranked]
    lines = [
        f"{record['dataset']}: {len(classes)} classes, readable photos: {splits}",
        f"  smallest classes: {', '.join(named[:3])}",
        f"  largest classes:  {', '.join(named[:-4:-1])}",
    ]
    if record["sizes"]:
        sizes = [f"{name} {width} x {height}" for name, (width, height) in record["sizes"].items()]
        formats = [f"{name} {count}" for name, count in record["formats"].items()]
        low, high = classes[ranked[0]], classes[ranked[-1]]
        ratio = f"{high / low:.1f}" if low else "infinite"
        lines += [
            f"  largest to smallest: {ratio}",
            f"  pixels: {', '.join(sizes)}",
            f"  formats: {', '.join(formats)}",
        ]
    for finding in findings:
        lines += ["", f"{'HURTS' if finding.hurts else 'note '}  {finding.summary}"]
        lines += [f"         {describe(item)}" for item in finding.items[:SHOWN]]
        if len(finding.items) > SHOWN:
            lines.append(f"         and {len(finding.items) - SHOWN} more in {REPORT}")
        lines.append(f"       {finding.remedy}")
    if not any(finding.hurts for finding in findings):
        lines += ["", "nothing here would hurt training"]
    return lines
