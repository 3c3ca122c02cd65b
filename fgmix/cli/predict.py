"""`fgmix predict`: predicts the classes of photos, one line each."""

import argparse
import logging
import shlex
import sys
from contextlib import ExitStack
from pathlib import Path

from fgmix.backend import import_tensorflow
from fgmix.cli.ensemble import AVERAGING, add_models, require_model
from fgmix.cli.parser import Parser, check_output_file
from fgmix.console import printable, say
from fgmix.errors import FgmixError
from fgmix.files import alone
from fgmix.invocation import command
from fgmix.runs.ensemble import Ensemble
from fgmix.runs.record import CONFIG
from fgmix.serving.choices import TOP
from fgmix.serving.inputs import LIST, open_inputs
from fgmix.serving.job import Done, begin, describe_job, go_on, refuse_existing
from fgmix.serving.lines import LINE_FORMATS

EXAMPLES = f"""examples:
  fgmix predict --model saved_models/RUN photo.jpg
  fgmix predict --model saved_models/RUN folder/ 'more/**/*.jpg' > predictions.jsonl
  find photos/ -name '*.jpg' | fgmix predict --model saved_models/RUN -
  fgmix predict --model saved_models/RUN archive/ --output archive.jsonl
  fgmix predict --model saved_models/RUN archive/ --output archive.jsonl --resume
  fgmix predict --model saved_models/RUN archive/ --output archive.csv --format csv
  fgmix predict --model saved_models/RUN-seed0 saved_models/RUN-seed1 --tta flip photo.jpg
  fgmix predict --model saved_models/RUN unlabelled/ --select 50 --output to_label.csv

A JSON line holds path, label, probability, top and distance, or path and error. The columns of CSV
are path, label, probability, error, label_2, probability_2 and so on, and distance. The exit code
is 1 if any file could not be read as an image.

distance is how far a photo lies from all classes: 95 % of validation photos have at most 1, photos
of something else mostly more. Runs of version 0.1 have none.

--resume continues an interrupted job with --output; the result is the same as without the
interrupt. FILE.job.json beside FILE records which models made it.

--select N chooses, of unlabelled photos, those that the model is unsure of and that differ from
each other. It writes a table whose column label is to be filled in, and a page of the photos.

{AVERAGING}"""
TO_LABEL = Path("to_label.csv")

log = logging.getLogger(__name__)


def main(argv: list[str]) -> int:
    """Parses the arguments and writes one line per image."""
    args = _parse(argv)
    try:
        return _select(args) if args.select else _predict(args)
    except KeyboardInterrupt:
        if args.select:
            how = "nothing was written"
        elif args.output:
            how = _resume_command(argv)
        else:
            how = "add --output FILE to make a job resumable"
        say(f"stopped; {how}", file=sys.stderr)
        return 130


def make_parser() -> Parser:
    """Returns the parser of the flags."""
    parser = Parser(
        "predict",
        description="Predicts the classes of photos with a finished run, or with several together.",
        epilog=EXAMPLES,
    )
    add_models(parser)
    parser.add_argument(
        "--format", choices=LINE_FORMATS, help="format of the lines (default: json)"
    )
    parser.add_argument(
        "--select",
        type=int,
        metavar="N",
        help="instead of the predictions, write a table (--output, default: to_label.csv) and a "
        "page of the N photos whose labels would teach most",
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="file to write (default: standard output)"
    )
    there = parser.add_mutually_exclusive_group()
    there.add_argument("--resume", action="store_true", help="continue FILE where it stopped")
    there.add_argument("--overwrite", action="store_true", help="replace FILE")
    parser.add_argument(
        "--progress",
        action=argparse.BooleanOptionalAction,
        help="show a progress bar on standard error (default: if that is a terminal and the lines "
        "go elsewhere)",
    )
    parser.add_argument(
        "inputs",
        nargs="*",
        metavar="INPUT",
        help="an image, a folder, a quoted pattern ('**' reaches into folders), a table with a "
        "column path (.csv, .tsv, .jsonl, .parquet), or - for a list of files on standard input, "
        "one per line",
    )
    return parser


def _parse(argv: list[str]) -> argparse.Namespace:
    parser = make_parser()
    args = parser.parse_args(argv)
    require_model(args.model)
    args.model, inputs = _runs_and_inputs(args.model)
    args.inputs = inputs + args.inputs
    if not args.inputs:
        parser.error("the following arguments are required: INPUT")
    if args.select is not None:
        _check_select(args)
    args.format = args.format or "json"
    if args.output:
        check_output_file("--output", args.output)
    elif args.resume or args.overwrite:
        raise FgmixError("--resume and --overwrite need a file: give --output FILE")
    return args


def _check_select(args: argparse.Namespace) -> None:
    if args.select < 1:
        raise FgmixError(f"--select {args.select}: give at least 1")
    if args.resume or args.format:
        other = "--resume" if args.resume else "--format"
        raise FgmixError(f"--select and {other} exclude each other")
    args.output = args.output or TO_LABEL
    if args.output.suffix != ".csv":
        raise FgmixError(f"--output {args.output}: --select writes a table, FILE.csv")
    for file in (args.output, args.output.with_suffix(".html")):
        if file.exists() and not args.overwrite:
            raise FgmixError(
                f"{file} exists: add --overwrite to replace it, or choose another --output"
            )


def _runs_and_inputs(places: list[str]) -> tuple[list[str], list[str]]:
    """Divides what argparse assigns to `--model`: runs, and the inputs after them.

    The first place is a run, whatever it holds, so that a wrong one is named as such.
    """
    others = (i for i, place in enumerate(places) if i and not (Path(place) / CONFIG).is_file())
    end = next(others, len(places))
    return places[:end], places[end:]


def _select(args: argparse.Namespace) -> int:
    ensemble = Ensemble.open(args.model, args.tta)
    paths, total = open_inputs(args.inputs)
    import_tensorflow()
    from fgmix.workflows.select import select_to_label, write_selection

    progress = _shows_progress(args)
    found = select_to_label(ensemble, paths, args.select, total=total, progress=progress)
    page = write_selection(found, args.output, ensemble.crop_bottom)
    for path, error in found.unreadable:
        log.warning("%s: %s", path, error)
    if len(found.chosen) < args.select:
        log.info("there are no more than %d photos: all are chosen", len(found.chosen))
    log.info(
        "to label: %s, %d of %s photos; look at %s; with its labels filled in, it trains with "
        "--dataset %s",
        *(args.output, len(found.chosen), f"{found.seen:,}", page, args.output),
    )
    return 1 if found.unreadable else 0


def _predict(args: argparse.Namespace) -> int:
    ensemble = Ensemble.open(args.model, args.tta)
    paths, total = open_inputs(args.inputs)
    count = min(TOP, len(ensemble.class_names))
    lines = LINE_FORMATS[args.format](count, bool(ensemble.class_means))
    file, done = args.output, Done(0, 0)
    with ExitStack() as stack:
        if file:
            busy = f"{file} is being written by another process: choose another --output"
            stack.enter_context(alone(file, busy))
            job = describe_job(ensemble, args.format)
            if args.resume:
                done = go_on(file, job, lines, paths)
            elif not args.overwrite:
                refuse_existing(file)
        if done.images:
            log.info("%s: resuming after %s photos", file, f"{done.images:,}")

        import_tensorflow()
        from tqdm import tqdm

        from fgmix.serving.predict import predict_files

        answers = predict_files(ensemble, paths, first=done.images, fill=bool(file))
        if file:
            # Only after the model is loaded, so that a failure to load it keeps the old file.
            if not (args.resume and file.exists()):
                begin(file, job, lines)
            sink = stack.enter_context(file.open("ab"))
        else:
            sink = _Console() if sys.stdout.isatty() else sys.stdout.buffer
            sink.write(lines.head)
        seen, failed = done
        hidden = not _shows_progress(args)
        for answer in tqdm(answers, None, total, initial=seen, unit=" photos", disable=hidden):
            sink.write(lines.encode(answer))
            sink.flush()
            seen += 1
            failed += "error" in answer
    if file:
        unread = f", {failed:,} of them could not be read" if failed else ""
        log.info("%s: %s photos%s", file, f"{seen:,}", unread)
    return 1 if failed else 0


class _Console:
    """Standard output that a person reads: takes lines as a file does and shows them."""

    def write(self, line: bytes) -> None:
        """Writes a line so that names in it can't act on the terminal."""
        sys.stdout.write(printable(line.decode(errors="surrogateescape")))

    def flush(self) -> None:
        """Shows what was written."""
        sys.stdout.flush()


def _shows_progress(args: argparse.Namespace) -> bool:
    if args.progress is not None:
        return args.progress
    return sys.stderr.isatty() and (bool(args.output) or not sys.stdout.isatty())


def _resume_command(argv: list[str]) -> str:
    """Returns the command that resumes the job, to be pasted into a shell."""
    again = [word for word in argv if word not in ("--overwrite", "--resume")]
    words = shlex.join(["--resume", *again])
    return f"continue with: {command('predict')} {words}" + (
        " < THE_SAME_LIST" if LIST in again else ""
    )
