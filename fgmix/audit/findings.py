"""The findings of an audit, ordered by how much they hurt training or the measured result."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from fgmix.audit.duplicates import group_duplicates
from fgmix.audit.finding import Finding
from fgmix.audit.looks import distance
from fgmix.audit.mixed_classes import MixedClass
from fgmix.audit.photo_findings import find_poor
from fgmix.audit.scan import ScannedImage, place_of
from fgmix.data.dataset import ImageDataset
from fgmix.data.sources.layout import Layout
from fgmix.data.sources.split_folders import WHOLE
from fgmix.data.sources.walk import describe_left_out
from fgmix.invocation import command

MIN_TRAIN = 2
"""The fewest training images per class, so that one can be held out for validation."""

TYPICAL = 4
"""Images of each of the two kinds that a class seems to have."""

IMBALANCE = 5
"""Report an imbalance if the largest class has this many times the smallest's images or more."""


@dataclass(frozen=True)
class Duplicates:
    """Images that show the same picture.

    Attributes:
        images: Two or more.
        bits: The largest distance between two of their perceptual hashes, of 512; 0 for files that
            are equal byte by byte or look so.
        mirrored: Whether some are mirror images of others.
        cropped: Whether some show a part of others.
    """

    images: tuple[ScannedImage, ...]
    bits: int
    mirrored: bool = False
    cropped: bool = False

    @property
    def labels(self) -> set[str]:
        """The classes that contain the picture."""
        return {image.class_name for image in self.images}

    @property
    def splits(self) -> set[str]:
        """The splits that contain the picture."""
        return {image.split for image in self.images}

    @property
    def badness(self) -> tuple[bool, bool, bool, int]:
        """A sort key that puts the worst first."""
        leaks = {"train", "test"} <= self.splits
        return not leaks, len(self.labels) == 1, len(self.splits) == 1, self.bits


def find_duplicates(
    images: Sequence[ScannedImage], suggested: Iterable[tuple[int, int]] = ()
) -> list[Duplicates]:
    """Groups the readable images that show the same picture, the worst groups first.

    Args:
        images: The scanned images.
        suggested: Places among the readable images of pairs to look at more closely.
    """
    readable = [image for image in images if image.problem is None]
    digests, looks = [p.digest for p in readable], [p.looks for p in readable]
    groups = group_duplicates(digests, looks, suggested)
    found = [
        Duplicates(images, _apart(images), group.mirrored, group.cropped)
        for group in groups
        if (images := tuple(readable[index] for index in group.members))
    ]
    return sorted(found, key=lambda duplicates: duplicates.badness)


def _apart(images: Sequence[ScannedImage]) -> int:
    # A placeholder may occur thousands of times: compare its first hundred images only.
    looks = [image.looks for image in images[:100] if image.looks is not None]
    return max((distance(*pair) for pair in combinations(looks, 2)), default=0)


def find_problems(
    dataset: ImageDataset,
    images: Sequence[ScannedImage],
    duplicates: Sequence[Duplicates],
    layout: Layout | None = None,
    refusal: str | None = None,
    mixed: Sequence[MixedClass] = (),
) -> list[Finding]:
    """Returns what is wrong with a data set.

    Args:
        dataset: The audited data set.
        images: Its scanned images.
        duplicates: From `find_duplicates`.
        layout: The files in its folder or table, if it is one of them.
        refusal: Why training refuses it, if it does.
        mixed: The classes that look like two, with places among the readable images.

    Returns:
        The findings, the most harmful first.
    """
    found = [
        _refused(refusal),
        _unreadable(images),
        *_across(duplicates),
        *_layout(layout),
        _left_out(dataset),
        _too_small(dataset, images, layout),
        _imbalance(dataset, images),
        _mixed(dataset, images, mixed),
        *find_poor(images),
    ]
    kept = [finding for finding in found if finding is not None and finding.items]
    return sorted(kept, key=lambda finding: not finding.hurts)


def count_classes(
    dataset: ImageDataset, images: Sequence[ScannedImage]
) -> dict[str, dict[str, int]]:
    """Counts the readable images: class -> split -> count."""
    counts = Counter((p.class_name, p.split) for p in images if p.problem is None)
    return {
        name: {split: counts[name, split] for split in dataset.splits}
        for name in dataset.class_names
    }


def _refused(refusal: str | None) -> Finding:
    items = ({"message": refusal},) if refusal else ()
    return Finding("refused", True, "training refuses this data set", "fix this first", items)


def _unreadable(images: Sequence[ScannedImage]) -> Finding:
    bad = [image for image in images if image.problem]
    return Finding(
        "unreadable",
        True,
        f"{len(bad)} file(s) can't be read",
        "fetch them again or remove them; --skip-bad-images trains without them",
        tuple({"path": image.path, "problem": image.problem} for image in bad),
    )


def _across(duplicates: Sequence[Duplicates]) -> list[Finding]:
    labels = [c for c in duplicates if len(c.labels) > 1]
    leaks = [c for c in duplicates if len(c.splits) > 1]
    harmless = [c for c in duplicates if len(c.labels) == len(c.splits) == 1]
    copied = Counter(
        image.split for c in leaks for image in c.images if "train" in c.splits - {image.split}
    )
    held_out = " and ".join(f"{n} {split} photo(s)" for split, n in sorted(copied.items()))
    return [
        Finding(
            "copies-across-splits",
            True,
            f"{len(leaks)} picture(s) are in more than one split"
            + (f": {held_out} are duplicates of training photos" if held_out else ""),
            "remove the training photo: accuracy on a photo that was trained on means nothing",
            tuple(map(_as_item, leaks)),
        ),
        Finding(
            "two-labels",
            True,
            f"{len(labels)} picture(s) are in more than one class",
            "keep the one with the correct label: wrong labels make the model guess",
            tuple(map(_as_item, labels)),
        ),
        Finding(
            "copies",
            False,
            f"{len(harmless)} picture(s) are in their class and split more than once",
            "keep one of each: duplicates count twice in training and in the result",
            tuple(map(_as_item, harmless)),
        ),
    ]


def _as_item(duplicates: Duplicates) -> dict[str, Any]:
    images = [place_of(image) for image in duplicates.images]
    return {
        "bits": duplicates.bits,
        "mirrored": duplicates.mirrored,
        "cropped": duplicates.cropped,
        "photos": images,
    }


def _left_out(dataset: ImageDataset) -> Finding:
    photos = dataset.photos_left_out
    return Finding(
        "left-out",
        True,
        f"photos are left out: {describe_left_out(photos)}",
        f"convert them with {command('import')}, or move them to where they are read, such as "
        f"class folders; remove those that are not wanted",
        tuple({"path": path.as_posix(), "reason": kind.value} for path, kind in photos),
    )


def _layout(layout: Layout | None) -> list[Finding]:
    if layout is None:
        return []
    return [
        Finding(
            "empty-classes",
            True,
            f"{len(layout.empty)} class folder(s) contain no photo",
            "add photos, or remove the folder",
            tuple({"folder": folder} for folder in layout.empty),
        ),
        Finding(
            "strays",
            False,
            f"{len(layout.strays)} file(s) are passed over: they are no photos",
            "nothing, if they are not photos",
            tuple({"path": path} for path in layout.strays),
        ),
    ]


def _too_small(
    dataset: ImageDataset, images: Sequence[ScannedImage], layout: Layout | None
) -> Finding:
    needed = {"train": MIN_TRAIN, "test": 1, "all": MIN_TRAIN + 1}
    counts = count_classes(dataset, images)
    if layout is not None and WHOLE in layout.folders:
        # Without its unreadable files, the folder is split otherwise.
        counts = {name: {"all": sum(by_split.values())} for name, by_split in counts.items()}
    small = [
        {"class": name, "split": split, "readable photos": count}
        for name, by_split in counts.items()
        for split, count in by_split.items()
        if count < needed.get(split, 0)
    ]
    return Finding(
        "too-small",
        True,
        f"{len({item['class'] for item in small})} class(es) have too few photos to be split",
        f"a class needs {MIN_TRAIN} training photos and 1 test photo: add photos, or remove the "
        f"class",
        tuple(small),
    )


def _imbalance(dataset: ImageDataset, images: Sequence[ScannedImage]) -> Finding | None:
    split = "train" if "train" in dataset.splits else "all"
    counts = {name: by[split] for name, by in count_classes(dataset, images).items() if by[split]}
    if not counts:
        return None
    low, high = min(counts, key=counts.__getitem__), max(counts, key=counts.__getitem__)
    unequal = counts[high] >= IMBALANCE * counts[low]
    return Finding(
        "imbalance",
        False,
        f"the largest class has {counts[high] / counts[low]:.0f} times the photos of the smallest",
        "add photos to the small classes, or train with --class-weights balanced if rare classes "
        "matter as much as frequent ones; read mean per class beside accuracy",
        tuple({"class": name, "photos": counts[name]} for name in (high, low)) if unequal else (),
    )


def _mixed(
    dataset: ImageDataset, images: Sequence[ScannedImage], mixed: Sequence[MixedClass]
) -> Finding:
    readable = [image for image in images if image.problem is None]
    items = [
        {
            "class": dataset.class_names[found.label],
            "separation": round(found.separation, 3),
            "photos of each kind": [len(group) for group in found.groups],
            "kinds": [
                [place_of(readable[place]) for place in group[:TYPICAL]] for group in found.groups
            ],
        }
        for found in mixed
    ]
    return Finding(
        "looks-like-two",
        False,
        f"{len(items)} class(es) look like two",
        "split the class if it has two kinds of objects; nothing, if it is one kind seen from two "
        "sides",
        tuple(items),
    )
