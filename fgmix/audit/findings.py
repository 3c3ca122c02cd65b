"""What an audit found, ordered by how much it hurts training and its proof."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from fgmix.audit.duplicates import distance, group_copies
from fgmix.audit.scan import Photo
from fgmix.data.dataset import ImageDataset
from fgmix.data.sources.layout import Layout
from fgmix.data.sources.walk import describe_left_out

MIN_TRAIN = 2
"""Photos a class must have to train on, so that one can be held out for validation."""

IMBALANCE = 10
"""How many times the photos of the smallest class the largest may have without a word."""


@dataclass(frozen=True)
class Copies:
    """Photos that show the same picture.

    Attributes:
        photos: Two or more.
        bits: By how many bits the perceptual hashes of the most different two differ; 0 for
            files that are equal byte by byte, or pictures that look it.
    """

    photos: tuple[Photo, ...]
    bits: int

    @property
    def labels(self) -> set[str]:
        """The classes that the picture stands in."""
        return {photo.class_name for photo in self.photos}

    @property
    def splits(self) -> set[str]:
        """The splits that the picture stands in."""
        return {photo.split for photo in self.photos}

    @property
    def badness(self) -> tuple[bool, bool, bool, int]:
        """A key that sorts the worst first."""
        leaks = {"train", "test"} <= self.splits
        return not leaks, len(self.labels) == 1, len(self.splits) == 1, self.bits


@dataclass(frozen=True)
class Finding:
    """One kind of thing that was found.

    Attributes:
        kind: A name for programs.
        hurts: Whether it would hurt training, or the numbers that judge it.
        summary: What was found, with counts.
        remedy: What to do.
        items: Every case: what `describe` turns into a line.
    """

    kind: str
    hurts: bool
    summary: str
    remedy: str
    items: tuple[dict[str, Any], ...]


def describe(item: dict[str, Any]) -> str:
    """One case of a finding, as a line."""
    if "photos" in item:
        names = [f"{p['path']} ({p['split']}, {p['class']})" for p in item["photos"]]
        return f"{' = '.join(names)}{'' if item['bits'] == 0 else ', nearly'}"
    return "  ".join(str(value) for value in item.values())


def find_copies(photos: Sequence[Photo]) -> list[Copies]:
    """Groups the readable photos that show the same picture, the worst groups first."""
    readable = [photo for photo in photos if photo.problem is None]
    groups = group_copies([p.digest for p in readable], [p.looks for p in readable])
    found = [_copies([readable[i] for i in group]) for group in groups]
    return sorted(found, key=lambda copies: copies.badness)


def _copies(photos: list[Photo]) -> Copies:
    # Of thousands of copies of one placeholder the first hundred are compared.
    looks = [photo.looks for photo in photos[:100] if photo.looks is not None]
    return Copies(
        tuple(photos), max((distance(*pair) for pair in combinations(looks, 2)), default=0)
    )


def find_problems(
    dataset: ImageDataset,
    photos: Sequence[Photo],
    copies: Sequence[Copies],
    layout: Layout | None = None,
    refusal: str | None = None,
) -> list[Finding]:
    """Judges what was read.

    Args:
        dataset: What was audited.
        photos: Its photos.
        copies: `find_copies` of them.
        layout: What lies in its folder, if it is a folder.
        refusal: Why training refuses it, if it does.

    Returns:
        The findings, the most harmful first.
    """
    found = [
        _refused(refusal),
        _unreadable(photos),
        *_across(copies),
        *_layout(layout),
        _too_small(dataset, photos),
        _imbalance(dataset, photos),
        _blank(photos),
    ]
    kept = [finding for finding in found if finding is not None and finding.items]
    return sorted(kept, key=lambda finding: not finding.hurts)


def count_classes(dataset: ImageDataset, photos: Sequence[Photo]) -> dict[str, dict[str, int]]:
    """Readable photos: class -> split -> count."""
    counts = Counter((p.class_name, p.split) for p in photos if p.problem is None)
    return {
        name: {split: counts[name, split] for split in dataset.splits}
        for name in dataset.class_names
    }


def _refused(refusal: str | None) -> Finding:
    items = ({"message": refusal},) if refusal else ()
    return Finding("refused", True, "training refuses this data set", "mend this first", items)


def _unreadable(photos: Sequence[Photo]) -> Finding:
    bad = [photo for photo in photos if photo.problem]
    return Finding(
        "unreadable",
        True,
        f"{len(bad)} file(s) can't be read",
        "fetch them again or remove them; training can go on without (--skip-bad-images)",
        tuple({"path": photo.path, "problem": photo.problem} for photo in bad),
    )


def _across(copies: Sequence[Copies]) -> list[Finding]:
    labels = [c for c in copies if len(c.labels) > 1]
    leaks = [c for c in copies if len(c.splits) > 1]
    harmless = [c for c in copies if len(c.labels) == len(c.splits) == 1]
    copied = Counter(
        photo.split for c in leaks for photo in c.photos if "train" in c.splits - {photo.split}
    )
    held_out = " and ".join(f"{n} {split} photo(s)" for split, n in sorted(copied.items()))
    return [
        Finding(
            "copies-across-splits",
            True,
            f"{len(leaks)} picture(s) stand in more than one split"
            + (f": {held_out} are copies of training photos" if held_out else ""),
            "remove the training copy: a test photo that was trained on proves nothing",
            tuple(map(_as_item, leaks)),
        ),
        Finding(
            "two-labels",
            True,
            f"{len(labels)} picture(s) stand in more than one class",
            "keep the one with the right label: a wrong one teaches the model to guess",
            tuple(map(_as_item, labels)),
        ),
        Finding(
            "copies",
            False,
            f"{len(harmless)} picture(s) stand more than once in their class and split",
            "keep one of each: copies count twice in training and in the result",
            tuple(map(_as_item, harmless)),
        ),
    ]


def _as_item(copies: Copies) -> dict[str, Any]:
    photos = [{"path": p.path, "split": p.split, "class": p.class_name} for p in copies.photos]
    return {"bits": copies.bits, "photos": photos}


def _layout(layout: Layout | None) -> list[Finding]:
    if layout is None:
        return []
    return [
        Finding(
            "empty-classes",
            True,
            f"{len(layout.empty)} class folder(s) hold no photo",
            "add photos, or remove the folder",
            tuple({"folder": folder} for folder in layout.empty),
        ),
        Finding(
            "left-out",
            True,
            f"photos are left out: {describe_left_out(layout.photos_left_out)}",
            "convert them to JPEG, or move them into class folders; remove those that are not "
            "wanted",
            tuple(
                {"path": path.as_posix(), "reason": kind.value}
                for path, kind in layout.photos_left_out
            ),
        ),
        Finding(
            "strays",
            False,
            f"{len(layout.strays)} file(s) are passed over: they are no photos",
            "nothing, if they are not photos",
            tuple({"path": path} for path in layout.strays),
        ),
    ]


def _too_small(dataset: ImageDataset, photos: Sequence[Photo]) -> Finding:
    needed = {"train": MIN_TRAIN, "test": 1, "all": MIN_TRAIN + 1}
    small = [
        {"class": name, "split": split, "readable photos": count}
        for name, by_split in count_classes(dataset, photos).items()
        for split, count in by_split.items()
        if count < needed.get(split, 0)
    ]
    return Finding(
        "too-small",
        True,
        f"{len({item['class'] for item in small})} class(es) have too few photos to be split",
        f"a class needs {MIN_TRAIN} to train and 1 to test on: add photos, or remove the class",
        tuple(small),
    )


def _imbalance(dataset: ImageDataset, photos: Sequence[Photo]) -> Finding | None:
    split = "train" if "train" in dataset.splits else "all"
    counts = {name: by[split] for name, by in count_classes(dataset, photos).items() if by[split]}
    if not counts:
        return None
    low, high = min(counts, key=counts.__getitem__), max(counts, key=counts.__getitem__)
    unequal = counts[high] > IMBALANCE * counts[low]
    return Finding(
        "imbalance",
        False,
        f"the largest class has {counts[high] / counts[low]:.0f} times the photos of the smallest",
        "look at mean per-class accuracy beside accuracy, and add photos to the small classes",
        tuple({"class": name, "photos": counts[name]} for name in (high, low)) if unequal else (),
    )


def _blank(photos: Sequence[Photo]) -> Finding:
    blank = [photo for photo in photos if photo.problem is None and photo.looks is None]
    return Finding(
        "blank",
        False,
        f"{len(blank)} photo(s) are of one colour all over",
        "remove them if nothing is to be seen in them",
        tuple({"path": photo.path} for photo in blank),
    )
