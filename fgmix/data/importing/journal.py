"""What an import has done so far, so that an interrupted one goes on where it was."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from fgmix.errors import FgmixError
from fgmix.files import inside, read_json, write_json

PLAN, DONE = ".plan.json", ".done.jsonl"


@dataclass(frozen=True)
class ImportedFile:
    """A file that was written.

    Attributes:
        path: Its path, relative to the target folder.
        label: Its class, None if there are no classes.
        split: Its split, empty if there are none.
        how: What was done to it.
        bytes: Its size.
    """

    path: str
    label: str | None
    split: str
    how: str
    bytes: int


@dataclass(frozen=True)
class Done:
    """What became of a photo of the source.

    Attributes:
        key: The photo's key.
        files: The files made of it; several if it has several boxes.
        failed: Why it could not be imported; empty if it could.
        skipped: Why it was left out; empty if it was not.
    """

    key: str
    files: tuple[ImportedFile, ...] = ()
    failed: str = ""
    skipped: str = ""


@dataclass
class Journal:
    """The record of an import that is not finished, in the folder that it fills.

    Attributes:
        work: The folder.
        done: What became of each photo, by its key, in order.
    """

    work: Path
    done: dict[str, Done] = field(default_factory=dict)
    _file: IO[str] | None = None

    @classmethod
    def begin(cls, work: Path, plan: dict[str, Any], folder: Path) -> "Journal":
        """Begins an import, or goes on with an interrupted one.

        Args:
            work: The folder to fill.
            plan: What decides the result: the source's identity and the options.
            folder: The final folder, for messages.

        Raises:
            FgmixError: If the interrupted import had another plan.
        """
        work.mkdir(parents=True, exist_ok=True)
        path = work / PLAN
        before = _read(path)
        if before is None:
            write_json(path, plan)
        elif before != plan:
            raise FgmixError(_difference(before, plan, work, folder))
        journal = cls(work)
        for done in _read_lines(work / DONE):
            if not all(_is_whole(work, file) for file in done.files):
                break  # lost when the machine stopped: from here on it is done again
            journal.done[done.key] = done
        # Written anew, without a torn last line.
        text = "".join(_line(done) for done in journal.done.values())
        (work / DONE).write_text(text, encoding="utf-8")
        return journal

    def add(self, done: Done) -> None:
        """Records what became of a photo, after its files are written."""
        if self._file is None:
            self._file = (self.work / DONE).open("a", encoding="utf-8")
        self._file.write(_line(done))
        self._file.flush()
        self.done[done.key] = done

    def files(self) -> Iterator[ImportedFile]:
        """Yields the files that were written, in order."""
        for done in self.done.values():
            yield from done.files

    def close(self) -> None:
        """Closes the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def remove(self) -> None:
        """Removes the journal and whatever an interrupted import left besides its files."""
        self.close()
        kept = {file.path for file in self.files()}
        for path in self.work.rglob("*"):
            if path.is_file() and path.relative_to(self.work).as_posix() not in kept:
                path.unlink()


def _line(done: Done) -> str:
    record = {key: value for key, value in asdict(done).items() if value}
    return json.dumps(record, ensure_ascii=True) + "\n"


def _read_lines(path: Path) -> Iterator[Done]:
    if not path.exists():
        return
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            try:
                record = json.loads(line)
                files = tuple(ImportedFile(**file) for file in record.pop("files", ()))
                yield Done(files=files, **record)
            except (ValueError, TypeError):
                return


def _is_whole(work: Path, file: ImportedFile) -> bool:
    path = inside(work, file.path)
    return path is not None and path.is_file() and path.stat().st_size == file.bytes


def _read(path: Path) -> Any:
    try:
        return read_json(path)
    except (OSError, ValueError):
        return None


def _difference(before: dict[str, Any], plan: dict[str, Any], work: Path, folder: Path) -> str:
    begin_again = f"remove {work} to begin again"
    if before.get("source") != plan["source"]:
        return (
            f"an import of {before.get('source')} into {folder} was interrupted: give that source, "
            f"or {begin_again}"
        )
    for name in sorted(plan["options"].keys() | before.get("options", {}).keys()):
        old, new = before.get("options", {}).get(name), plan["options"].get(name)
        if old != new:
            return (
                f"the interrupted import into {folder} was begun with {name} {old}, not {new}: "
                f"give the same again, or {begin_again}"
            )
    return (
        f"{plan['source']} has changed since the import into {folder} was interrupted: "
        f"{begin_again}"
    )
