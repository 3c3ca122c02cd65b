"""Imports a source into a folder: reads, converts, writes; goes on after an interruption."""

import logging
import os
import shutil
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

import fgmix
from fgmix.data.box import Box
from fgmix.data.importing.boxes import OWN, Boxes, own_boxes, read_boxes
from fgmix.data.importing.convert import BadImageError, Converted, Crop, convert
from fgmix.data.importing.journal import Done, ImportedFile, Journal
from fgmix.data.importing.names import Places
from fgmix.data.importing.note import MANIFEST, NOTE, read_note
from fgmix.data.importing.registry import SCHEME, Request, find_kind
from fgmix.data.importing.source import Columns, Source, SourcePhoto
from fgmix.errors import FgmixError
from fgmix.failpoints import failpoint
from fgmix.files import alone, is_empty, remove_partial, write_csv, write_json

log = logging.getLogger(__name__)

MARGIN = 0.1
WHOLE = Crop(Box(0, 0, 1e9, 1e9), 0)
NO_BOX = "without a box"

SPARE_BYTES = 100_000_000
"""The space to leave on a disk."""


@dataclass(frozen=True)
class Options:
    """How to import.

    Attributes:
        keep_exif: Whether EXIF stays in the photos.
        columns: The columns of a table.
        data_dir: The folder of a data set that is known by name.
        boxes: A file with a box around the object of each photo, to crop to; `boxes.OWN` for those
            of the source.
        margin: What to keep around a box, as a share of its width and height on each side.
    """

    keep_exif: bool = False
    columns: Columns = field(default_factory=Columns)
    data_dir: str | None = None
    boxes: str | None = None
    margin: float = MARGIN

    def recorded(self, boxes: Boxes | None) -> dict[str, Any]:
        """Returns what decides the result, by the names of the flags."""
        return {
            "--keep-exif": self.keep_exif,
            "--image-column": self.columns.image,
            "--label-column": self.columns.label,
            "--boxes": boxes and boxes.identity,
            "--box-margin": self.margin if boxes else None,
        }


@dataclass(frozen=True)
class Imported:
    """A finished import.

    Attributes:
        folder: The folder.
        note: The content of its `source.json`.
        was_there: Whether an earlier import of the same source had made the folder.
    """

    folder: Path
    note: Mapping[str, Any]
    was_there: bool = False

    @property
    def failed(self) -> Sequence[Mapping[str, str]]:
        """The photos that could not be imported, with the reason."""
        return self.note["failed"]


def import_photos(source: str, folder: Path, options: Options | None = None) -> Imported:
    """Imports photos into a folder of class folders, with a manifest and a note.

    The folder appears when it is complete. Until then the photos are in a hidden folder beside it,
    from which an interrupted import goes on.

    Args:
        source: An archive, a folder, or whatever else `registry.KINDS` knows.
        folder: The folder to make. It may exist if it is empty.
        options: How to import.

    Returns:
        What was imported.

    Raises:
        FgmixError: If the source is missing, unknown, damaged or without photos, the folder holds
            something else, or an interrupted import of something else is beside it.
        OSError: If the disk is full or can't be written to.
    """
    options = options or Options()
    folder = Path(os.path.abspath(folder.expanduser()))  # noqa: PTH100 (follows no link)
    work = folder.with_name(f".{folder.name}.importing")
    if folder.exists() and not folder.is_dir():
        raise FgmixError(f"{folder} is a file: give the name of a folder to make")
    with alone(folder, f"another process is importing into {folder}: wait for it"):
        request = Request(source, work / ".download", options.columns, options.data_dir)
        known = read_note(folder) if SCHEME.match(source) else None
        if known and known["source"] == source and known["options"] == _recorded(options):
            return Imported(folder, known, was_there=True)  # without a download to compare
        found = find_kind(request).look(request)
        _refuse_overlap(found, folder)
        boxes = _boxes(options, found)
        plan = {
            "source": found.location,
            "identity": dict(found.identity),
            "options": options.recorded(boxes),
        }
        if folder.is_dir() and not is_empty(folder):
            return _already_there(folder, plan)
        journal = Journal.begin(work, plan, folder)
        if journal.done:
            log.info("going on with an interrupted import: %d photos are done", len(journal.done))
        _require_space(work, found, journal)
        try:
            _import_all(found, options, boxes, journal)
        finally:
            journal.close()
        note = _finish(found, options, boxes, plan, journal, folder)
        return Imported(folder, note)


def _recorded(options: Options) -> dict[str, Any]:
    is_file = options.boxes not in (None, OWN)
    return options.recorded(read_boxes(Path(str(options.boxes)).expanduser()) if is_file else None)


def _boxes(options: Options, source: Source) -> Boxes | None:
    if options.boxes is None:
        return None
    if options.boxes == OWN:
        return own_boxes(source.location, source.boxes)
    return read_boxes(Path(options.boxes).expanduser())


def _refuse_overlap(source: Source, folder: Path) -> None:
    place = Path(source.location)
    if place.is_dir() and (folder == place or place in folder.parents):
        raise FgmixError(f"{folder} lies in the source {place}: give a folder outside of it")


def _already_there(folder: Path, plan: Mapping[str, Any]) -> Imported:
    note = read_note(folder)
    if note is None:
        raise FgmixError(f"{folder} is not empty and was not made by an import: give a new folder")
    before = {key: note.get(key) for key in plan}
    if before != plan:
        what = "other flags" if before["source"] == plan["source"] else str(before["source"])
        if before["source"] == plan["source"] and before["options"] == plan["options"]:
            what = "an earlier state of it"
        raise FgmixError(f"{folder} was imported from {what}: give a new folder, or remove it")
    return Imported(folder, note, was_there=True)


def _require_space(work: Path, source: Source, journal: Journal) -> None:
    if source.num_bytes is None:
        return
    written = sum(file.bytes for file in journal.files())
    needed, free = source.num_bytes - written, shutil.disk_usage(work).free
    if needed + SPARE_BYTES > free:
        raise FgmixError(
            f"the photos take about {source.num_bytes / 1e9:,.1f} GB, and {free / 1e9:,.1f} GB are "
            f"free in {work.parent}: make space or give a folder on another disk"
        )


class _Job(NamedTuple):
    """A photo that is being converted.

    Attributes:
        photo: The photo, without its content.
        labels: The class of each file that is made of it.
        converted: The files.
    """

    photo: SourcePhoto
    labels: tuple[str | None, ...]
    converted: "Future[list[Converted]]"


def _import_all(source: Source, options: Options, boxes: Boxes | None, journal: Journal) -> None:
    """Converts photos on all cores; writes them and records them in the order of the source."""
    places = Places()
    for done in journal.done.values():
        for file in done.files:
            places.take(file.path, file.label)
    workers = os.cpu_count() or 1
    pending: deque[_Job] = deque()
    bar = tqdm(
        desc="importing",
        unit=" photos",
        total=source.total,
        initial=len(journal.done),
        disable=None,
    )

    def write_until(waiting: int) -> None:
        while len(pending) > waiting:
            _write(pending.popleft(), places, journal)
            bar.update()

    with bar, ThreadPoolExecutor(workers) as pool:
        try:
            for photo in source.photos(journal.done.__contains__):
                crops, labels = _crops(photo, boxes, options, source.crop_bottom)
                skip = photo.skip or (NO_BOX if boxes and not crops else "")
                if skip:
                    write_until(0)  # the journal is in the order of the source
                    journal.add(Done(photo.key, skipped=skip))
                    bar.update()
                    continue
                converted = pool.submit(
                    convert,
                    photo.content,
                    keep_exif=options.keep_exif,
                    crops=crops,
                    crop_bottom=source.crop_bottom,
                )
                # The source's bytes are in the job, and not kept when it is done.
                pending.append(_Job(photo._replace(content=b""), labels, converted))
                write_until(workers + 1)
            write_until(0)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _crops(
    photo: SourcePhoto, boxes: Boxes | None, options: Options, crop_bottom: int
) -> tuple[list[Crop], tuple[str | None, ...]]:
    """Returns the crops to make of a photo, and the class of each file."""
    if boxes is None:
        return [WHOLE] if crop_bottom else [], (photo.label,)
    found = boxes.of(photo)
    labels = tuple(one.label or photo.label for one in found)
    return [Crop(one.box, options.margin) for one in found], labels


def _write(job: _Job, places: Places, journal: Journal) -> None:
    photo = job.photo
    try:
        converted = job.converted.result()
    except BadImageError as error:
        journal.add(Done(photo.key, failed=str(error)))
        return
    files = []
    for label, (content, suffix, how) in zip(job.labels, converted, strict=True):
        name = places.place(photo.split, label, photo.name, suffix)
        path = journal.work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        files.append(ImportedFile(name, label, photo.split, how, len(content)))
    failpoint("import photo")
    journal.add(Done(photo.key, tuple(files)))


def _finish(
    source: Source,
    options: Options,
    boxes: Boxes | None,
    plan: Mapping[str, Any],
    journal: Journal,
    folder: Path,
) -> dict[str, Any]:
    """Writes manifest and note, and gives the folder its name."""
    files = list(journal.files())
    failed = [
        {"path": done.key, "reason": done.failed} for done in journal.done.values() if done.failed
    ]
    if not files:
        first = f": {failed[0]['path']} is {failed[0]['reason']}" if failed else ""
        shutil.rmtree(journal.work)
        if boxes and not failed:
            raise FgmixError(
                f"no photo of {source.location} has a box in {boxes.name}, which names photos such "
                f"as {next(iter(boxes.by_path))}"
            )
        raise FgmixError(f"none of the photos of {source.location} can be imported{first}")
    note = {
        "imported_by": f"fgmix {fgmix.__version__}",
        "imported": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "kind": source.kind,
        **plan,
        "licence": source.licence,
        "photos": len(files),
        "classes": len({file.label for file in files if file.label is not None}),
        "splits": dict(Counter(file.split for file in files if file.split)),
        "done_to_photos": dict(Counter(file.how for file in files).most_common()),
        "left_out": [*source.left_out, *_skipped(journal)],
        "failed": failed,
        "class_folders": _renamed(files),
        "crops": None if boxes is None else {"boxes": boxes.name, "margin": options.margin},
        "notes": [*source.notes, *_unused(boxes)],
    }
    journal.remove()
    rows = [{"path": f.path, "label": f.label or "", "split": f.split} for f in files]
    write_csv(journal.work / MANIFEST, ("path", "label", "split"), rows)
    write_json(journal.work / NOTE, note)
    for path in sorted(_folders(journal.work), reverse=True):
        if not any(path.iterdir()):
            path.rmdir()
    failpoint("rename import")
    if folder.exists():
        remove_partial(folder)
        folder.rmdir()
    journal.work.rename(folder)
    return note


def _unused(boxes: Boxes | None) -> list[str]:
    # What an interrupted import had read before is not known any more.
    unused = boxes.unused if boxes else []
    if not boxes or not unused or len(unused) == len(boxes.by_path):
        return []
    paths = "1 path" if len(unused) == 1 else f"{len(unused):,} paths"
    return [f"no photo here for {paths} of {boxes.name} (such as {unused[0]})"]


def _folders(root: Path) -> Iterator[Path]:
    return (path for path in root.rglob("*") if path.is_dir())


def _skipped(journal: Journal) -> list[str]:
    reasons = Counter(done.skipped for done in journal.done.values() if done.skipped)
    return [f"{count} photo{'s' * (count > 1)} {reason}" for reason, count in reasons.items()]


def _renamed(files: Sequence[ImportedFile]) -> dict[str, str]:
    """Returns the classes whose folder has another name than they, by folder."""
    folders = {}
    for file in files:
        name = Path(file.path).parent.name
        if file.label is not None and name != file.label:
            folders[name] = file.label
    return folders
