"""Writes the page of a data set's audit: what was found, the worst first, and what to do."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fgmix.audit.finding import Finding, describe_change
from fgmix.audit.load import Subject
from fgmix.audit.pages import thumbnails, write_page
from fgmix.audit.scan import ScannedImage
from fgmix.data.dataset import evenly_spaced
from fgmix.invocation import command

PHOTO, SMALL = (280, 210), (112, 84)
"""The boxes of an image of a finding and of a class, in pixels."""

MAX_CASES, MAX_ROWS = 40, 100
"""The most cases of a finding that the page shows as images, and as rows of a table."""

MAX_ALIKE = 4
"""The most images of a group of duplicates that the page shows."""

MAX_CLASS_IMAGES, MAX_PER_CLASS = 400, 8
"""The most images of all classes together, and of one."""


class Photo(NamedTuple):
    """An image on the page.

    Attributes:
        picture: A `data:` URL; None if the image can't be read.
        path: Its path.
        place: Its split and class.
        note: What was measured; `""` if nothing was.
    """

    picture: str | None
    path: str
    place: str
    note: str = ""


class Group(NamedTuple):
    """Images side by side.

    Attributes:
        photos: The images.
        note: What is said of them.
    """

    photos: tuple[Photo, ...]
    note: str


class Section(NamedTuple):
    """A finding on the page: its groups, images or rows, of which only one kind is not empty.

    Attributes:
        finding: The finding.
        groups: Duplicates.
        photos: Single images.
        rows: Other cases.
        more: How many cases are not shown.
    """

    finding: Finding
    groups: tuple[Group, ...]
    photos: tuple[Photo, ...]
    rows: tuple[dict[str, Any], ...]
    more: int


class ClassRow(NamedTuple):
    """A class on the page.

    Attributes:
        name: Its name.
        counts: Its readable images by split, as text.
        pictures: Some of its images, as `data:` URLs.
    """

    name: str
    counts: str
    pictures: tuple[str, ...]


class Step(NamedTuple):
    """A command to run next.

    Attributes:
        purpose: What for.
        command: As it is typed in a shell.
    """

    purpose: str
    command: str


def write_data_page(
    path: Path,
    subject: Subject,
    images: Sequence[ScannedImage],
    findings: Sequence[Finding],
    record: dict[str, Any],
) -> None:
    """Writes an HTML page that needs no other file.

    Its size is bounded: of many cases, the first are shown.

    Args:
        path: The file.
        subject: The data set.
        images: Its scanned images.
        findings: The findings, in the order of the page.
        record: The content of `report.json`.
    """
    dataset = subject.dataset
    of_findings = _Pictures(subject, _shown(findings), PHOTO)
    members = _of_classes(dataset.class_names, images)
    of_classes = _Pictures(subject, (p for shown in members.values() for p in shown), SMALL)
    write_page(
        path,
        "data.html",
        name=dataset.name,
        record=record,
        sections=[_section(finding, of_findings) for finding in findings],
        hurting=sum(finding.hurts for finding in findings),
        classes=[
            ClassRow(name, _counts(record["classes"][name]), of_classes.known(members[name]))
            for name in members
        ],
        left_out=len(dataset.class_names) - len(members),
        steps=next_steps(subject, findings),
    )


class _Pictures:
    """Thumbnails of images, by path."""

    def __init__(self, subject: Subject, paths: Iterable[str], box: tuple[int, int]):
        wanted = list(dict.fromkeys(paths))
        root, crop_bottom = subject.dataset.root, subject.dataset.crop_bottom
        made = thumbnails([str(root / path) for path in wanted], box, crop_bottom)
        self._urls = {wanted[place]: url for place, url in made.items()}

    def get(self, path: str) -> str | None:
        """Returns a `data:` URL; None if the image could not be read."""
        return self._urls.get(path)

    def known(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Returns the `data:` URLs of the images that could be read."""
        return tuple(self._urls[path] for path in paths if path in self._urls)


def _shown(findings: Sequence[Finding]) -> list[str]:
    """Returns the paths of the images that the findings show."""
    paths = []
    for finding in findings:
        for item in finding.items[:MAX_CASES]:
            if "photos" in item:
                paths += [photo["path"] for photo in most_unlike(item["photos"])]
            elif "kinds" in item:
                paths += [photo["path"] for kind in item["kinds"] for photo in kind]
            elif _is_image(item):
                paths.append(item["path"])
    return paths


def _is_image(item: dict[str, Any]) -> bool:
    return "path" in item and "class" in item


def most_unlike(photos: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns at most `MAX_ALIKE` of a group of duplicates, of each split and class if possible."""
    first = {(p["split"], p["class"]): p for p in reversed(photos)}
    chosen = [p for p in photos if p in first.values()]
    return (chosen + [p for p in photos if p not in chosen])[:MAX_ALIKE]


def _section(finding: Finding, pictures: _Pictures) -> Section:
    items = finding.items
    groups, photos, rows = [], [], []
    if items and "photos" in items[0]:
        groups = [_group(item, pictures) for item in items[:MAX_CASES]]
    elif items and "kinds" in items[0]:
        shown = items[: MAX_CASES // 2]
        groups = [group for item in shown for group in _kinds(item, pictures)]
        return Section(finding, tuple(groups), (), (), len(items) - len(shown))
    elif items and _is_image(items[0]):
        photos = [_photo(item, pictures) for item in items[:MAX_CASES]]
    else:
        rows = list(items[:MAX_ROWS])
    more = len(items) - len(groups) - len(photos) - len(rows)
    return Section(finding, tuple(groups), tuple(photos), tuple(rows), more)


def _group(item: dict[str, Any], pictures: _Pictures) -> Group:
    shown = most_unlike(item["photos"])
    note = describe_change(item).removeprefix(", ")
    note = {"": "the same", "nearly": "nearly the same"}.get(note, note)
    if len(item["photos"]) > len(shown):
        note += f"; {len(item['photos']) - len(shown)} more of the same"
    return Group(tuple(_photo(photo, pictures) for photo in shown), note)


def _kinds(item: dict[str, Any], pictures: _Pictures) -> list[Group]:
    """Returns the typical images of the two kinds that a class seems to have."""
    kinds = zip(("one", "the other"), item["photos of each kind"], item["kinds"], strict=True)
    return [
        Group(
            tuple(_photo(photo, pictures) for photo in photos),
            f"{item['class']}: {count} photos of {which} kind",
        )
        for which, count, photos in kinds
    ]


def _photo(item: dict[str, Any], pictures: _Pictures) -> Photo:
    measured = [f"{k} {v}" for k, v in item.items() if k not in ("path", "split", "class")]
    place = f"{item['split']}: {item['class']}"
    return Photo(pictures.get(item["path"]), item["path"], place, ", ".join(measured))


def _of_classes(names: Sequence[str], images: Sequence[ScannedImage]) -> dict[str, list[str]]:
    """Returns the paths of some images of each class, as many classes as there is room for."""
    by_class: dict[str, list[str]] = {name: [] for name in names[:MAX_CLASS_IMAGES]}
    for image in images:
        if image.problem is None and image.class_name in by_class:
            by_class[image.class_name].append(image.path)
    each = min(MAX_PER_CLASS, max(1, MAX_CLASS_IMAGES // max(1, len(by_class))))
    # Evenly spaced, because neighbours are often of one series.
    return {
        name: [paths[i] for i in evenly_spaced(len(paths), each)] if paths else []
        for name, paths in by_class.items()
    }


def _counts(by_split: dict[str, int]) -> str:
    return ", ".join(f"{count} {split}" for split, count in by_split.items())


def next_steps(subject: Subject, findings: Sequence[Finding]) -> list[Step]:
    """Returns the commands to run next, in this order."""
    kinds = {finding.kind for finding in findings}
    check, train = (f"{command(name)} {subject.flags}" for name in ("check", "train"))
    steps = []
    if "left-out" in kinds:
        steps.append(
            Step("Convert photos of other formats", f"{command('import')} SOURCE NEW_FOLDER")
        )
    if any(finding.hurts for finding in findings):
        steps.append(Step("Check again, when that is done", check))
    skip = " --skip-bad-images" * ("unreadable" in kinds)
    balance = " --class-weights balanced" * ("imbalance" in kinds)
    purpose = "Train"
    if skip:
        purpose += " without the files that can't be read"
    if balance:
        purpose += ", rare classes as much as frequent ones"
    steps.append(Step(purpose, train + skip + balance))
    judge = f"{command('check')} --model RUN"
    purpose = f"Look for wrong labels: train with --fold 0, 1 and 2, then {judge}"
    steps.append(Step(purpose, f"{train}{skip} --folds 3 --fold 0"))
    return steps
