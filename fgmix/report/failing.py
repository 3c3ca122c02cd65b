"""The section "Where does it fail?"."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fgmix.comparison.failures import Confusion, Failures
from fgmix.comparison.plots import draw_reliability
from fgmix.comparison.study import Group, Study
from fgmix.report.charts import Chart, make_chart
from fgmix.report.pictures import ExampleImages, Picture
from fgmix.report.tables import PageTable, make_table, page_table
from fgmix.tables import Table, interval, mean_count, percent, points, without_empty

PAIRS = 8
"""The most pairs of classes that are shown."""

DIAGRAMS = 6
"""The most groups whose calibration is drawn."""


@dataclass(frozen=True)
class Side:
    """One class of a confused pair.

    Attributes:
        text: How many of its images are mistaken for the other class.
        pictures: Example images that can still be read.
        mistaken: Whether any is mistaken for the other class; if not, it is shown for comparison.
    """

    text: str
    pictures: tuple[Picture, ...]
    mistaken: bool = True


@dataclass(frozen=True)
class Pair:
    """Two classes that are mistaken for each other.

    Attributes:
        title: Their names.
        sides: The two classes.
    """

    title: str
    sides: tuple[Side, ...]


@dataclass(frozen=True)
class Failing:
    """The section's content.

    Attributes:
        verdict: The answer, in a few sentences.
        pairs: The most confused pairs of the group in focus.
        pairs_note: How to read them.
        missing: Why images are missing; `""` if none is.
        classes: The accuracy of every class.
        selective: Calibration, and accuracy at several coverages.
        trust: How well the group in focus is calibrated, in words.
        diagrams: Reliability diagrams.
    """

    verdict: str
    pairs: tuple[Pair, ...]
    pairs_note: str
    missing: str
    classes: PageTable
    selective: PageTable
    trust: str
    diagrams: tuple[Chart, ...]


def describe_failing(
    study: Study, focus: Group, failures: Sequence[Failures], images: ExampleImages | None
) -> Failing:
    """Returns the section on where the groups fail.

    Args:
        study: The runs.
        focus: The group whose mistakes are shown.
        failures: The failures of each group, in the study's order.
        images: The test images; None to show none.
    """
    own = failures[study.groups.index(focus)]
    pairs = tuple(_pair(found, images, own.single) for found in own.confusions[:PAIRS])
    drawn = [own, *(f for f in failures if f is not own)][:DIAGRAMS]
    return Failing(
        _verdict(own, len(study.paths)),
        pairs,
        f"The most confused pairs of {focus.name}, with the most confident mistakes."
        if own.single
        else f"The most confused pairs of {focus.name}, with the mistakes that most seeds make, "
        f"the most confident first. Counts are means over seeds.",
        _missing(images),
        _class_table(failures, own),
        _selective_table(study, failures),
        _trust(focus, own),
        tuple(_diagram(number, found) for number, found in enumerate(drawn)),
    )


def _verdict(own: Failures, images: int) -> str:
    wrong = images * (1 - own.selective[0].accuracy)
    if not own.confusions:
        return f"Nowhere: it classifies all {images:,} photos correctly."
    perfect = sum(c.accuracy == 1 for c in own.classes)
    are = {0: "No class is", 1: f"One of {len(own.classes)} classes is"}.get(
        perfect, f"{perfect} of {len(own.classes)} classes are"
    )
    worst, pair = own.classes[0], own.confusions[0]
    return (
        f"It misclassifies {wrong:,.0f} of {images:,} photos. The hardest class is {worst.name}, "
        f"with {percent(worst.accuracy, 0)} % of {worst.images} photos correct; the most confused "
        f"pair is {pair.first} and {pair.second}. {are} always recognised."
    )


def _pair(found: Confusion, images: ExampleImages | None, single: bool) -> Pair:
    first = Side(
        f"{found.first} taken for {found.second}: "
        f"{mean_count(found.first_as_second, single)} of {found.images[0]} photos",
        _pictures(found.first_examples, f"{found.first}, taken for {found.second}", images),
    )
    mistaken = found.second_as_first > 0
    what = f", taken for {found.first}" if mistaken else ", correctly recognised"
    text = (
        f"{found.second} taken for {found.first}: "
        f"{mean_count(found.second_as_first, single)} of {found.images[1]} photos"
        if mistaken
        else f"{found.second}, never taken for {found.first}, for comparison"
    )
    examples = _pictures(found.second_examples, f"{found.second}{what}", images)
    second = Side(text, examples, mistaken)
    return Pair(f"{found.first} and {found.second}", (first, second))


def _pictures(paths: Sequence[str], what: str, images: ExampleImages | None) -> tuple[Picture, ...]:
    if images is None:
        return ()
    found = (images.picture(path, f"Photo {path}: {what}") for path in paths)
    return tuple(picture for picture in found if picture is not None)


def _missing(images: ExampleImages | None) -> str:
    if images is None:
        return "Photos are left out of this page."
    if not images.gone:
        return ""
    some = "None" if images.gone == images.wanted else f"{images.gone} of {images.wanted}"
    how = "of these photos can be read" if some == "None" else "of these photos can't be read"
    return (
        f"{some} {how} in {images.root}. If the photos "
        f"have moved, give their folder with --dataset."
    )


def _class_table(failures: Sequence[Failures], own: Failures) -> PageTable:
    alone = len(failures) == 1
    others = [f for f in failures if f is not own]
    by_group = [f.group for f in others]
    by_name = [{c.name: c for c in f.classes} for f in others]
    rows = []
    for c in own.classes:
        row = [c.name, percent(c.accuracy, 1)]
        if alone:
            row.append("" if own.single else interval(c.lowest, c.highest, ".0f"))
        row += [percent(classes[c.name].accuracy, 1) for classes in by_name]
        row += [str(c.images), c.taken_for and f"{c.taken_for} ({c.taken_share:.0%})"]
        rows.append(row)
    # Numbers come first: on a phone, the last columns are out of sight.
    taken_for = "mostly taken for" if alone else f"{own.group} mostly takes it for"
    names = ("recognised", "lowest to highest seed") if alone else (own.group, *by_group)
    head, filled = without_empty(("class", *names, "photos", taken_for), rows)
    note = (
        "The accuracy of a class with few photos is imprecise: one of 10 photos is 10 points, so "
        "differences between groups in a single class mean little."
    )
    title = "accuracy of every class, %"
    return page_table("classes", Table(title, head, filled, ("class", taken_for), note))


def _selective_table(study: Study, failures: Sequence[Failures]) -> PageTable:
    rows = [
        (
            found.group,
            percent(found.calibration_error, 1),
            points(_overconfidence(group), 1),
            *(percent(s.accuracy, 1) for s in found.selective),
        )
        for group, found in zip(study.groups, failures, strict=True)
    ]
    shares = (
        f"top {percent(s.coverage, 0)} %" if s.coverage < 1 else "all"
        for s in failures[0].selective
    )
    head = ("group", "ECE", "overconfidence", *shares)
    note = (
        "top 80 %: the accuracy of the 80 % most confident predictions. ECE: expected calibration "
        "error, the mean gap between confidence and accuracy, in points. overconfidence: mean "
        "confidence minus accuracy, in points."
    )
    title = "calibration, and accuracy of the most confident predictions, %"
    return make_table("coverage", title, head, rows, note=note)


def _overconfidence(group: Group) -> float:
    return float(np.mean(group.confidences) - np.mean(group.correct))


def _trust(focus: Group, own: Failures) -> str:
    over = _overconfidence(focus)
    half = own.selective[-1]
    lean = "overconfident" if over > 0 else "underconfident"
    text = (
        f"It is {lean}: its mean confidence is {percent(abs(over), 1)} points "
        f"{'above' if over > 0 else 'below'} its accuracy. "
    )
    if abs(over) < 0.01:
        text = f"On average its confidence matches its accuracy ({points(over, 1)} points). "
    return text + (
        f"Of its {percent(half.coverage, 0)} % most confident predictions, "
        f"{percent(half.accuracy, 1)} % are correct."
    )


def _diagram(number: int, found: Failures) -> Chart:
    error = percent(found.calibration_error, 1)
    return make_chart(
        f"calibration-{number}",
        lambda: draw_reliability([found]),
        f"Reliability diagram of {found.group}: expected calibration error {error} points.",
        "",
    )
