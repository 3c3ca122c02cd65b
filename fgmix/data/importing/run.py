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
from typing import Any

from tqdm import tqdm

import fgmix
from fgmix.data.importing.convert import BadImageError, Converted, convert
from fgmix.data.importing.journal import Done, ImportedFile, Journal
from fgmix.data.importing.names import Places
from fgmix.data.importing.note import MANIFEST, NOTE, read_note
from fgmix.data.importing.registry import Columns, Request, find_kind
from fgmix.data.importing.source import Source, SourcePhoto
from fgmix.errors import FgmixError
from fgmix.failpoints import failpoint
from fgmix.files import alone, is_empty, remove_partial, write_csv, write_json

log = logging.getLogger(__name__)

SPARE_BYTES = 100_000_000
"""The space to leave on a disk."""


@dataclass(frozen=True)
class Options:
    """How to import.

    Attributes:
        keep_exif: Whether EXIF stays in the photos.
        columns: The columns of a table.
        data_dir: The folder of a data set that is known by name.
    """

    keep_exif: bool = False
    columns: Columns = field(default_factory=Columns)
    data_dir: str | None = None

    def recorded(self) -> dict[str, Any]:
        """Returns what decides the result, by the names of the flags."""
        return {
            "--keep-exif": self.keep_exif,
            "--image-column": self.columns.image,
            "--label-column": self.columns.label,
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
        found = find_kind(request).look(request)
        _refuse_overlap(found, folder)
        plan = {
            "source": found.location,
            "identity": dict(found.identity),
            "options": options.recorded(),
        }
        if folder.is_dir() and not is_empty(folder):
            return _already_there(folder, plan)
        journal = Journal.begin(work, plan, folder)
        if journal.done:
            log.info("going on with an interrupted import: %d photos are done", len(journal.done))
        _require_space(work, found, journal)
        try:
            _import_all(found, options, journal)
        finally:
            journal.close()
        note = _finish(found, options, plan, journal, folder)
        return Imported(folder, note)


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


def _import_all(source: Source, options: Options, journal: Journal) -> None:
    """Converts photos on all cores; writes them and records them in the order of the source."""
    places = Places()
    for done in journal.done.values():
        for file in done.files:
            places.take(file.path, file.label)
    workers = os.cpu_count() or 1
    pending: deque[tuple[SourcePhoto, Future[list[Converted]]]] = deque()
    bar = tqdm(
        desc="importing",
        unit=" photos",
        total=source.total,
        initial=len(journal.done),
        disable=None,
    )
    with bar, ThreadPoolExecutor(workers) as pool:
        try:
            for photo in source.photos(journal.done.__contains__):
                job = pool.submit(convert, photo.content, keep_exif=options.keep_exif)
                # The source's bytes are in the job, and not kept when it is done.
                pending.append((photo._replace(content=b""), job))
                if len(pending) > workers + 1:
                    _write(*pending.popleft(), places, journal)
                    bar.update()
            while pending:
                _write(*pending.popleft(), places, journal)
                bar.update()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _write(
    photo: SourcePhoto, job: Future[list[Converted]], places: Places, journal: Journal
) -> None:
    try:
        converted = job.result()
    except BadImageError as error:
        journal.add(Done(photo.key, failed=str(error)))
        return
    files = []
    for content, suffix, how in converted:
        name = places.place(photo.split, photo.label, photo.name, suffix)
        path = journal.work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        files.append(ImportedFile(name, photo.label, photo.split, how, len(content)))
    failpoint("import photo")
    journal.add(Done(photo.key, tuple(files)))


def _finish(
    source: Source, options: Options, plan: Mapping[str, Any], journal: Journal, folder: Path
) -> dict[str, Any]:
    """Writes manifest and note, and gives the folder its name."""
    files = list(journal.files())
    failed = [
        {"path": done.key, "reason": done.failed} for done in journal.done.values() if done.failed
    ]
    if not files:
        first = f": {failed[0]['path']} is {failed[0]['reason']}" if failed else ""
        shutil.rmtree(journal.work)
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
        "crops": None,
        "notes": list(source.notes),
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
