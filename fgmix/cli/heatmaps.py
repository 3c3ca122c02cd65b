"""`fgmix heatmaps`: draws and measures where runs look."""

from pathlib import Path
from typing import TYPE_CHECKING

from fgmix.backend import import_tensorflow
from fgmix.cli.ensemble import require_model
from fgmix.cli.parser import Parser, add_place, check_output_file, check_output_folder
from fgmix.console import say
from fgmix.errors import FgmixError
from fgmix.explanation.names import MAP_NAMES, short_names
from fgmix.runs.run import Run
from fgmix.workflows.common_images import load_common_images

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fgmix.data.dataset import ImageDataset

SUFFIXES = (".png", ".jpg", ".jpeg", ".pdf", ".svg", ".webp")
MEASURED = 100
MOST_ROWS = 100

EXAMPLES = """examples:
  fgmix heatmaps --model saved_models/RUN
  fgmix heatmaps --model saved_models/RUN --map gradcam --class "Spitfire" photo.jpg
  fgmix heatmaps --model NONE CHANNEL SPATIAL MIXED --output attention.png
  fgmix heatmaps --model saved_models/RUN --map energy --output maps/ photo.jpg
  fgmix heatmaps --model NONE CHANNEL SPATIAL MIXED --measure 200 --json maps.json

Without IMAGE, test photos of the runs are shown. With one run, there is a row per photo and a
column per map; with several, a column per run, as in the paper's Fig. 3. docs/guides/heatmaps.md
explains the maps and the numbers.
"""


def main(argv: list[str]) -> int:
    """Parses the arguments, draws heat maps, and measures them with --measure."""
    parser = make_parser()
    args = parser.parse_args(argv)
    require_model(args.model)
    # argparse assigns all names after --model to it; files among them are images, but for the
    # first, which is a run, so that a wrong one is named as such.
    images = args.images + [path for path in args.model[1:] if Path(path).is_file()]
    folders = args.model[:1] + [path for path in args.model[1:] if path not in images]
    if args.count < 1 or (args.measure is not None and args.measure < 1):
        raise FgmixError("--count and --measure must be at least 1")
    runs = [Run.open(folder) for folder in folders]
    names = short_names(runs)
    if len(set(names)) < len(runs):
        raise FgmixError("--model names the same run twice: give each run once")
    maps = _choose_maps(args.map, len(runs))
    output = args.output or runs[0].directory / "heatmaps.png"
    _check_output(output)
    if args.json:
        check_output_file("--json", args.json)
    for run in runs:
        _check_run(run, runs[0], args.class_name)

    measured = args.measure or (MEASURED if args.json else 0)
    dataset = (
        None if images and not measured else load_common_images(runs, args.dataset, args.data_dir)
    )

    import_tensorflow()
    from fgmix.data.codec.diagnose import refuse_unreadable
    from fgmix.explanation.figures import draw_panels
    from fgmix.explanation.measure import describe_numbers, measure_runs
    from fgmix.explanation.side_by_side import arrange, open_viewer, save_full_size
    from fgmix.explanation.subjects import read_subjects
    from fgmix.files import write_json

    files: Sequence[tuple[str, str | None]]
    files = _given(images) if dataset is None or images else _tested(dataset, runs[0], args.count)
    if not _is_folder(output):
        _check_rows(len(files) * (1 if len(runs) == 1 else len(maps)))
    refuse_unreadable([path for path, _ in files])
    subjects = read_subjects(files, runs[0].crop_bottom)
    viewers = [
        open_viewer(run, name, _class_index(run, args.class_name))
        for run, name in zip(runs, names, strict=True)
    ]
    if _is_folder(output):
        written = save_full_size(output, viewers, subjects, maps)
        say(f"heat maps: {len(written)} pictures in {output}")
    else:
        caption = MAP_NAMES[maps[0]] if len(maps) == 1 else "heat"
        draw_panels(output, arrange(viewers, subjects, maps), caption)
        say(f"heat maps: {output}")
    if measured and dataset is not None:
        found = measure_runs(viewers, runs[0], dataset, measured, args.class_name)
        say(describe_numbers(found))
        if args.json:
            write_json(args.json, found)
            say(f"numbers: {args.json}")
    return 0


def make_parser() -> Parser:
    """Returns the parser of the flags."""
    parser = Parser(
        "heatmaps",
        description="Draws heat maps of where runs look, and measures how good the maps are.",
        epilog=EXAMPLES,
    )
    parser.add_argument(
        "--model", nargs="+", metavar="RUN", help="folders of runs to compare (required)"
    )
    parser.add_argument(
        "images", nargs="*", metavar="IMAGE", help="photos or folders (default: test photos)"
    )
    listed = ", ".join(f"{name} ({text})" for name, text in MAP_NAMES.items())
    parser.add_argument(
        "--map",
        metavar="NAME",
        help=f"{listed}, or all (default: all for one run, energy for several)",
    )
    parser.add_argument(
        "--class",
        dest="class_name",
        metavar="NAME",
        help="the class of Grad-CAM and of the curves (default: the predicted one)",
    )
    parser.add_argument(
        "--count",
        type=int,
        default=4,
        metavar="N",
        help="number of test photos to show without IMAGE (default: 4)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help=f"the figure ({', '.join(SUFFIXES)}), or a folder: each map over its photo at full "
        f"size (default: heatmaps.png in the first run)",
    )
    parser.add_argument(
        "--measure",
        type=int,
        metavar="N",
        help=f"measure the maps on N test photos (default: off; {MEASURED} with --json)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers here")
    add_place(parser)
    return parser


def _choose_maps(given: str | None, runs: int) -> list[str]:
    given = given or ("all" if runs == 1 else "energy")
    if given != "all" and given not in MAP_NAMES:
        raise FgmixError(f"--map {given}: choose one of {', '.join(MAP_NAMES)}, all")
    return list(MAP_NAMES) if given == "all" else [given]


def _is_folder(output: Path) -> bool:
    return output.is_dir() or not output.suffix


def _check_output(output: Path) -> None:
    if _is_folder(output):
        check_output_folder("--output", output)
        return
    check_output_file("--output", output)
    if output.suffix.lower() not in SUFFIXES:
        raise FgmixError(f"--output {output}: must end in one of {', '.join(SUFFIXES)}")


def _check_run(run: Run, first: Run, class_name: str | None) -> None:
    if class_name is not None:
        run.require_class(class_name, "--class ")
    if run.crop_bottom != first.crop_bottom:
        raise FgmixError(
            f"{run.directory} and {first.directory} crop photos differently: draw one at a time"
        )


def _given(images: list[str]) -> list[tuple[str, None]]:
    """Returns the files of the given images, whose classes are not known."""
    from fgmix.serving.inputs import find_images

    return [(str(path), None) for path in find_images(images)]


def _tested(dataset: "ImageDataset", run: Run, count: int) -> list[tuple[str, str]]:
    """Returns the files and classes of some images that a run was measured on."""
    from fgmix.explanation.subjects import choose_measured

    chosen = choose_measured(dataset, run, count)
    return [
        (str(dataset.root / path), dataset.class_names[label])
        for path, label in zip(chosen.paths, chosen.labels, strict=True)
    ]


def _check_rows(rows: int) -> None:
    if rows > MOST_ROWS:
        raise FgmixError(
            f"{rows} rows of pictures are too many for one figure (at most {MOST_ROWS}): give "
            f"fewer photos, or a folder as --output"
        )


def _class_index(run: Run, class_name: str | None) -> int:
    from fgmix.explanation.maps import PREDICTED

    return PREDICTED if class_name is None else run.class_names.index(class_name)
