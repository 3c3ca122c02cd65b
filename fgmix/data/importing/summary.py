"""What an import did, in words."""

from collections.abc import Iterator

from fgmix.data.importing.convert import AS_IS, STRIPPED
from fgmix.data.importing.note import MANIFEST, NOTE
from fgmix.data.importing.run import Imported


def summary_lines(imported: Imported, shown: int) -> Iterator[str]:
    """Yields what was imported, line by line.

    Args:
        imported: The finished import.
        shown: How many of the photos that can't be imported to name.
    """
    note = imported.note
    if imported.was_there:
        yield f"{imported.folder} is there already, from the same source"
    classes = f" of {note['classes']:,} classes" if note["classes"] else ", without classes"
    splits = ", ".join(f"{count:,} {split}" for split, count in note["splits"].items())
    yield f"{note['photos']:,} photos{classes}{f' ({splits})' if splits else ''}"
    done = dict(note["done_to_photos"])
    kept = done.pop(AS_IS, 0)
    stripped = done.pop(STRIPPED, 0)
    if kept:
        yield f"  {kept:,} copied as they were"
    if stripped:
        yield f"  {stripped:,} with the same pixels, without EXIF and other metadata"
    for how, count in done.items():
        yield f"  {count:,} {how}"
    if note["options"].get("--keep-exif"):
        yield "EXIF was kept: it may tell where and when each photo was taken"
    elif stripped or done:
        yield "no photo tells any more where and when it was taken (--keep-exif keeps EXIF)"
    for line in note["notes"]:
        yield line
    for line in note["left_out"]:
        yield f"left out: {line}"
    yield (
        f"licence: {note['licence']}"
        if note["licence"]
        else "licence: the source names none; find out before you pass photos or models on"
    )
    failed = imported.failed
    if failed:
        yield f"{len(failed):,} photo{'s' * (len(failed) > 1)} can't be imported:"
        for one in failed[:shown]:
            yield f"  {one['path']}: {one['reason']}"
        if failed[shown:]:
            yield f"  and {len(failed) - shown:,} more, in {NOTE}"
    yield f"written to {imported.folder}: {MANIFEST}, {NOTE} and the photos"
