"""What every kind of source gives: photos one after the other, and what is known about them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from fgmix.data.box import Box

MAX_FILE_BYTES = 1 << 30
"""The size of the largest file of a photo that is read into memory."""


class SourcePhoto(NamedTuple):
    """A photo of a source.

    Attributes:
        key: Tells it from all others of the source: its path, or shard and row.
        name: Its file name, from which that of the imported file is made.
        content: The bytes of its file.
        label: The name of its class; None if the source has no classes.
        split: `"train"`, `"val"` or `"test"`; empty if the source has no splits.
        skip: Why it is left out, such as `without a label`; empty if it is not.
    """

    key: str
    name: str
    content: bytes
    label: str | None = None
    split: str = ""
    skip: str = ""


Photos = Callable[[Callable[[str], bool]], Iterator[SourcePhoto]]
"""`(is_done) -> photos`: reads the photos in an order that is always the same, without those whose
key is done. One photo is in memory at a time, or one batch of a shard."""


@dataclass(frozen=True)
class Source:
    """A source of photos that has been found and looked into.

    Attributes:
        kind: The kind of source, in a few words.
        location: Where it is, as it is recorded.
        identity: What tells whether it is still the same: digests, sizes, a revision.
        photos: Reads the photos.
        total: The number of photos; None if it is not known before they are read.
        num_bytes: The size of the photos' files in bytes; None if unknown.
        licence: The licence that the source names; None if it names none.
        left_out: What is left out, a line for each reason.
        notes: What a user should know about how the source was read, a line each.
        boxes: Reads the boxes that the source has of its own, by key; None if it has none.
        crop_bottom: Pixel rows to remove from the bottom of every photo.
    """

    kind: str
    location: str
    identity: Mapping[str, Any]
    photos: Photos
    total: int | None = None
    num_bytes: int | None = None
    licence: str | None = None
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    boxes: Callable[[], Mapping[str, Box]] | None = None
    crop_bottom: int = 0


@dataclass(frozen=True)
class Columns:
    """The columns of a table to read; None where they are found.

    Attributes:
        image: The column of the images.
        label: The column of the classes.
    """

    image: str | None = None
    label: str | None = None
