"""A file of predictions that is written line by line and can be resumed.

`FILE.job.json` beside `FILE` records what determines its lines: the models, test-time augmentation,
the format and the library versions. A job is only resumed if all of them are the same.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import fgmix
from fgmix.backend import library_version
from fgmix.errors import FgmixError
from fgmix.files import harmless, write_json
from fgmix.models.choices import TTA
from fgmix.runs.ensemble import Ensemble, as_ensemble
from fgmix.runs.record import DISTANCE, MODEL
from fgmix.runs.run import Run
from fgmix.serving.lines import LineFormat

RECORD = ".job.json"


class Done(NamedTuple):
    """What a file already holds.

    Attributes:
        images: The number of images.
        failed: How many of them could not be read.
    """

    images: int
    failed: int


def describe_job(run: Run | Ensemble, line_format: str) -> dict[str, Any]:
    """Returns what determines the lines of a file.

    Args:
        run: The run that predicts, or several. Their order counts: it decides how their mean is
            rounded.
        line_format: A name from `LINE_FORMATS`.

    Returns:
        The content of `FILE.job.json`.
    """
    ensemble, digest = as_ensemble(run), hashlib.sha256()
    for one in ensemble.runs:
        with (one.directory / MODEL).open("rb") as file:
            hashlib.file_digest(file, lambda: digest)
        if (one.directory / DISTANCE).is_file():
            digest.update((one.directory / DISTANCE).read_bytes())
        digest.update(json.dumps([one.class_names, one.crop_bottom]).encode())
    return {
        "model": ", ".join(str(one.directory.resolve()) for one in ensemble.runs),
        "fingerprint": digest.hexdigest(),
        "tta": ensemble.tta,
        "format": line_format,
        "versions": {
            "fgmix": fgmix.__version__,
            **{name: library_version(name) for name in ("tensorflow", "keras")},
        },
    }


def refuse_existing(file: Path) -> None:
    """Checks that no file is overwritten.

    Raises:
        FgmixError: If the file exists.
    """
    if file.exists():
        raise FgmixError(
            f"{file} exists: add --resume to continue it, --overwrite to replace it, or choose "
            f"another --output"
        )


def begin(file: Path, job: dict[str, Any], lines: LineFormat) -> None:
    """Creates a file without predictions, replacing an existing one.

    Args:
        file: The file.
        job: From `describe_job`.
        lines: The format of its lines.
    """
    # In this order, a kill never leaves a file beside the record of another.
    file.unlink(missing_ok=True)
    write_json(_record_of(file), job)
    file.write_bytes(lines.head)


def go_on(file: Path, job: dict[str, Any], lines: LineFormat, paths: Iterator[Path | None]) -> Done:
    """Prepares a file for the predictions that it lacks; removes an incomplete last line.

    Args:
        file: The file. Nothing happens if it does not exist.
        job: From `describe_job`.
        lines: The format of its lines.
        paths: The images to predict. Those that the file holds are consumed.

    Returns:
        What the file already holds.

    Raises:
        FgmixError: If the file was made by another job, is damaged, or is about other images.
    """
    if not file.exists():
        return Done(0, 0)
    _refuse_another(file, job)
    images = failed = 0
    with file.open("r+b") as stream:
        if not lines.head.startswith(stream.read(len(lines.head))):
            raise FgmixError(
                f"can't resume {file}: its first line is not a header of fgmix; {_ANEW}"
            )
        stream.seek(0)
        stream.write(lines.head)  # the header itself may be incomplete
        end = len(lines.head)
        try:
            for path, failure, end in lines.read(stream):  # noqa: B007 (the last one is wanted)
                images += 1
                failed += failure
                _refuse_other_image(file, images, path, paths)
        except ValueError as error:
            raise FgmixError(
                f"can't resume {file}: line {images + 1} is damaged; {_ANEW}"
            ) from error
        stream.truncate(end)
    return Done(images, failed)


_ANEW = "start again with --overwrite, or choose another --output"


def _record_of(file: Path) -> Path:
    return file.with_name(file.name + RECORD)


def _refuse_another(file: Path, job: dict[str, Any]) -> None:
    record = _record_of(file)
    try:
        before = json.loads(record.read_text(encoding="utf-8"))
        versions = before["versions"]
        changed = [f"{name} {v}" for name, v in versions.items() if job["versions"].get(name) != v]
        if before["fingerprint"] != job["fingerprint"]:
            changed.insert(0, f"another model ({before['model']} as it was then)")
        # Version 0.1 had no augmentation to record.
        tta = before.get("tta", TTA[0])
        if tta != job["tta"]:
            changed.insert(0, f"--tta {tta}")
        if before["format"] != job["format"]:
            changed.insert(0, f"--format {before['format']}")
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise FgmixError(
            f"can't resume {file}: {record.name}, which records what made it, is missing or "
            f"damaged; {_ANEW}"
        ) from error
    if changed:
        raise FgmixError(f"can't resume {file}: it was made with {', '.join(changed)}; {_ANEW}")


def _refuse_other_image(file: Path, number: int, path: str, paths: Iterator[Path | None]) -> None:
    now = next((found for found in paths if found is not None), None)
    if path in (str(now), harmless(str(now))):  # the latter in CSV
        return
    what = f"photo {number} is {str(now)!r} now" if now else f"there are {number - 1} photos now"
    raise FgmixError(
        f"can't resume {file}: {what}, and was {path!r}: give the same inputs again; or {_ANEW}"
    )
