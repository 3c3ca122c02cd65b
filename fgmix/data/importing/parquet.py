"""Parquet shards of images and labels, as the Hugging Face hub has them; local files or folders."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from fgmix.data.importing.source import Columns, Source, SourcePhoto
from fgmix.errors import FgmixError
from fgmix.files import sha256_of

BATCH_ROWS = 16
"""The rows that are in memory at a time."""
BUFFER_BYTES = 1 << 20

_SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing", "eval", "evaluation"), "test"),
}
"""The names of splits in names of shards, as on the hub."""
_WORD = re.compile(rf"(?<![a-z])({'|'.join(_SPLITS)})(?![a-z])")

_LABELS = ("label", "labels", "class", "class_name", "category", "target", "fine_label", "species")
"""Names of columns that hold classes, where nothing else tells; the first that is there counts."""


class Shard(NamedTuple):
    """A Parquet file.

    Attributes:
        name: Its name, for keys and messages.
        path: Where it is.
        split: Its split; empty if there are none.
    """

    name: str
    path: Path
    split: str = ""


@dataclass(frozen=True)
class Table:
    """The columns to read and what they hold.

    Attributes:
        image: The column of the images.
        is_struct: Whether it holds structs of bytes and path, and not bytes.
        label: The column of the classes.
        names: The names of the classes by number; None if the column holds the names.
        notes: What a user should know, a line each.
    """

    image: str
    is_struct: bool
    label: str
    names: tuple[str, ...] | None
    notes: tuple[str, ...] = ()


def is_parquet(path: Path) -> bool:
    """Returns whether a path is a Parquet file, or a folder with some."""
    if path.is_dir():
        return next(path.rglob("*.parquet"), None) is not None
    return path.is_file() and path.suffix.lower() == ".parquet"


def open_parquet(path: Path, columns: Columns) -> Source:
    """Looks into a local Parquet file, or a folder of them.

    Raises:
        FgmixError: As in `open_shards`.
    """
    root = path if path.is_dir() else path.parent
    files = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
    names = [file.relative_to(root).as_posix() for file in files]
    splits, left_out = splits_of(names)
    kept = [
        Shard(name, root / name, split)
        for name, split in zip(names, splits, strict=True)
        if split is not None
    ]
    digest = hashlib.sha256()
    for shard in kept:
        digest.update(f"{shard.name}\0{sha256_of(shard.path)}\n".encode())
    identity = {"shards": len(kept), "sha256": digest.hexdigest()}
    return open_shards(
        kept, columns, "Parquet shards", str(path.resolve()), identity, left_out=left_out
    )


def splits_of(names: Sequence[str]) -> tuple[list[str | None], tuple[str, ...]]:
    """Finds the splits of shards in their names.

    Args:
        names: The paths of the shards, with slashes.

    Returns:
        The split of each shard, empty if all shards are of one; None for those in no split, beside
        others that are in one. And what is left out, a line for each reason.

    Example:
        >>> splits_of(["data/train-00000-of-00002.parquet", "data/test-00000-of-00001.parquet"])
        (['train', 'test'], ())
    """
    found = [_split_of(name) for name in names]
    if len(set(found)) < 2:
        return [""] * len(names), ()
    outside = [name for name, split in zip(names, found, strict=True) if split is None]
    if len({split for split in found if split}) == 1:
        found = [split and "" for split in found]
    if not outside:
        return found, ()
    plural = "s" * (len(outside) > 1)
    return found, (f"{len(outside)} shard{plural} in no split (such as {outside[0]})",)


def _split_of(name: str) -> str | None:
    """Returns the split in a name; the last folder or file with one counts."""
    for part in reversed(PurePosixPath(name.lower()).parts):
        if word := _WORD.search(part.replace("_", "-")):
            return _SPLITS[word[1]]
    return None


def open_shards(
    shards: Sequence[Shard],
    columns: Columns,
    kind: str,
    location: str,
    identity: dict[str, Any],
    *,
    licence: str | None = None,
    notes: tuple[str, ...] = (),
    left_out: tuple[str, ...] = (),
) -> Source:
    """Looks into shards of one table.

    Args:
        shards: The shards.
        columns: The columns to read; those that are None are found.
        kind: See `Source`; so for the others.
        location: See `Source`.
        identity: See `Source`.
        licence: See `Source`.
        notes: See `Source`.
        left_out: See `Source`.

    Raises:
        FgmixError: If a shard is damaged, or a column is missing or not clear; candidates are
            named.
    """
    tables = {}
    total = 0
    for shard in shards:
        with _file(shard) as file:
            total += file.metadata.num_rows
            tables[shard.name] = find_table(file.schema_arrow, shard.name, columns)
    table = tables[shards[0].name]
    for name, other in tables.items():
        if other != table:
            raise FgmixError(
                f"{name} has other columns or classes than {shards[0].name}: import them apart"
            )

    def photos(is_done: Callable[[str], bool]) -> Iterator[SourcePhoto]:
        for shard in shards:
            yield from _rows(shard, table, is_done)

    return Source(
        kind=kind,
        location=location,
        identity=identity,
        photos=photos,
        total=total,
        num_bytes=sum(shard.path.stat().st_size for shard in shards),
        licence=licence,
        notes=(*notes, *table.notes),
        left_out=left_out,
    )


def find_table(schema: Any, name: str, columns: Columns) -> Table:
    """Finds the columns of images and classes in the schema of a shard.

    Args:
        schema: The schema, of pyarrow. Hugging Face's features in its metadata tell most.
        name: The name of the shard, for messages.
        columns: The columns that are given.

    Raises:
        FgmixError: If a column is missing or not clear.
    """
    import pyarrow.types as types

    features = _features(schema)
    kinds = {field.name: field.type for field in schema}

    def holds_bytes(kind: Any) -> bool:
        if types.is_struct(kind):
            return kind.get_field_index("bytes") >= 0
        return types.is_binary(kind) or types.is_large_binary(kind)

    images = [n for n, kind in kinds.items() if holds_bytes(kind)]
    declared = [n for n in images if features.get(n, {}).get("_type") == "Image"]
    image = _choose("image", columns.image, declared or images, images, kinds, name, ("image",))

    def holds_names(kind: Any) -> bool:
        if types.is_dictionary(kind):
            kind = kind.value_type
        return types.is_string(kind) or types.is_large_string(kind) or types.is_integer(kind)

    texts = [n for n, kind in kinds.items() if holds_names(kind)]
    declared = [n for n in texts if features.get(n, {}).get("_type") == "ClassLabel"]
    usual = [n for n in _LABELS if n in texts][:1]
    label = _choose("label", columns.label, declared or usual, texts, kinds, name, _LABELS)
    names = features.get(label, {}).get("names")
    notes = [f"images are read from the column {image}, classes from {label}"]
    if names is None and types.is_integer(kinds[label]):
        notes.append(f"the column {label} holds numbers without names: the classes are numbers")
    return Table(
        image,
        types.is_struct(kinds[image]),
        label,
        tuple(map(str, names)) if isinstance(names, list) else None,
        tuple(notes),
    )


def _features(schema: Any) -> dict[str, Any]:
    """Returns Hugging Face's description of the columns; empty if there is none."""
    try:
        found = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, ValueError, TypeError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: one for name, one in found.items() if isinstance(one, dict)}


def _choose(
    what: str,
    given: str | None,
    likely: Sequence[str],
    possible: Sequence[str],
    kinds: dict[str, Any],
    name: str,
    usual: Sequence[str],
) -> str:
    """Returns the column of images or labels; refuses to guess."""
    if given is not None:
        if given in possible:
            return given
        held = f"holds {kinds[given]}" if given in kinds else "is not there"
        raise FgmixError(
            f"--{what}-column {given} {held} in {name}: give one of {', '.join(possible) or 'none'}"
        )
    if len(likely) == 1:
        return likely[0]
    for one in usual:
        if one in likely:
            return one
    if not possible:
        raise FgmixError(f"{name} has no column of {what}s; its columns are {', '.join(kinds)}")
    problem = "more than one column that may hold" if likely else "no column that surely holds"
    raise FgmixError(
        f"{name} has {problem} the {what}: give --{what}-column, one of "
        f"{', '.join(likely or possible)}"
    )


def _rows(shard: Shard, table: Table, is_done: Callable[[str], bool]) -> Iterator[SourcePhoto]:
    with _file(shard) as file:
        first = 0
        for group in range(file.num_row_groups):
            count = file.metadata.row_group(group).num_rows
            keys = [f"{shard.name}#{row}" for row in range(first, first + count)]
            first += count
            if all(map(is_done, keys)):
                continue
            wanted = [table.image, table.label]
            batches = file.iter_batches(BATCH_ROWS, row_groups=[group], columns=wanted)
            number = 0
            for batch in batches:
                for image, label in zip(
                    batch.column(table.image), batch.column(table.label), strict=True
                ):
                    key = keys[number]
                    number += 1
                    if not is_done(key):
                        yield _photo(key, shard, table, image.as_py(), label.as_py())


def _photo(key: str, shard: Shard, table: Table, image: Any, label: Any) -> SourcePhoto:
    row = key.rpartition("#")[2]
    name = f"{shard.split or 'photo'}-{int(row):06d}"
    content = image
    if table.is_struct and image is not None:
        content = image["bytes"]
        name = PurePosixPath(image.get("path") or name).name
    if table.names is not None and label is not None:
        label = table.names[label] if 0 <= label < len(table.names) else None
    unlabelled = label is None or label == ""
    return SourcePhoto(
        key,
        name,
        content or b"",
        None if unlabelled else str(label),
        shard.split,
        skip="without a label" if unlabelled else "",
    )


@contextmanager
def _file(shard: Shard) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # Without `pre_buffer`, a whole group of rows would not be held at once.
        with pq.ParquetFile(shard.path, buffer_size=BUFFER_BYTES, pre_buffer=False) as file:
            yield file
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.filename:
            raise
        reason = " ".join(str(error).split())[:160]
        raise FgmixError(
            f"the shard {shard.path} is damaged or no Parquet file ({reason})"
        ) from error
