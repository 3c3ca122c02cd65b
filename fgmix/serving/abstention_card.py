"""What the model card says of thresholds, and of images of something else than the classes."""

from dataclasses import dataclass

from fgmix.evaluation.calibration import Abstention, Selection
from fgmix.evaluation.strangers import auroc
from fgmix.models.class_means import QUANTILE, ClassMeans
from fgmix.runs.ensemble import Ensemble
from fgmix.tables import markdown_table, markdown_text

KINDS = {"val": "validation", "train": "training"}


@dataclass(frozen=True)
class Strangers:
    """The limit of the distance beyond which images are refused.

    Attributes:
        target: The share of the measured images that it is to accept.
        limit: The largest distance that is accepted.
        split: The split of the measured images: `"val"`, or `"train"` where there is none.
        images: The number of measured images.
        refused: The share of them that is refused if the class of each is taken out.
        auroc: How well the distance tells them from the others then.
    """

    target: float
    limit: float
    split: str
    images: int
    refused: float
    auroc: float


@dataclass(frozen=True)
class Calibration:
    """An `Abstention`, its targets, and its precision and coverage.

    Attributes:
        target: The target of the threshold, such as `"precision 0.95"`; None for no threshold.
        abstention: The temperature, threshold and limit chosen on the validation images.
        validation: Its precision and coverage on the validation images; None if there are none.
        test: Its precision and coverage on the test images.
        strangers: How the limit was chosen; None for no limit.
    """

    target: str | None
    abstention: Abstention
    validation: Selection | None
    test: Selection
    strangers: Strangers | None = None


def describe(selection: Selection, split: str) -> str:
    """Returns coverage, and precision with its interval, in words."""
    text = f"{selection.coverage:.1%} of {selection.images:,} {split} photos accepted"
    if not selection.accepted:
        return text
    low, high = selection.precision_interval()
    return (
        f"{text}, {selection.precision:.1%} of them correct "
        f"(95 % interval: {low:.1%} to {high:.1%})"
    )


def describe_strangers(strangers: Strangers) -> str:
    """Returns how a limit was chosen and what it refuses, in words."""
    kind = KINDS[strangers.split]
    alone = "" if strangers.split == "val" else " in cross-validation (there is no validation)"
    return (
        f"chosen for unknown {strangers.target:g}: a distance of at most {strangers.limit:.3f}, on "
        f"{strangers.images:,} {kind} photos{alone}; it refuses {strangers.refused:.1%} of them if "
        f"their own class is taken out"
    )


def abstention_section(calibration: Calibration | None) -> str:
    """Returns the section on calibration and thresholds."""
    if calibration is None:
        return "The model was exported without calibration and without a threshold."
    rows = [("test", describe(calibration.test, "test"))]
    if calibration.validation:
        rows.insert(0, ("validation", describe(calibration.validation, "validation")))
    parts = [
        _threshold(calibration) if calibration.target else "",
        _limit(calibration.strangers) if calibration.strangers else "",
        markdown_table(("", ""), rows, (True, True)).strip(),
        "On other photos of the same kind, expect the target to be met only within these "
        "intervals. Rely on the test line: the validation line is optimistic."
        if calibration.target
        else "",
    ]
    return "\n\n".join(part for part in parts if part)


def _threshold(calibration: Calibration) -> str:
    abstention, photos = calibration.abstention, calibration.validation
    assert photos is not None
    too = " and the distance is within its limit" if calibration.strangers else ""
    reached = f"reaches {abstention.threshold:.4f}{too}"
    return f"""\
`accepted` is true if the largest probability {reached}. The target was
{calibration.target}. The threshold, and the temperature {abstention.temperature:.4f} that
calibrates all probabilities, were chosen on {photos.images:,} validation photos."""


def _limit(strangers: Strangers) -> str:
    kind = KINDS[strangers.split]
    text = f"""\
A photo whose `distance` is above {strangers.limit:.3f} is not accepted: it is of something else, or
unlike the photos that the model knows. The limit keeps at \
least {strangers.target:.1%} of {strangers.images:,} {kind} photos."""
    if strangers.split == "train":
        text += """ There were no validation photos, so training photos were measured in
cross-validation, and the probabilities are not calibrated. A network knows the photos that it was
trained on, so that of new ones more are refused, unless its backbone was frozen."""
    return f"""{text} With every class in turn taken out of the model's means, the limit refused
{strangers.refused:.1%} of that class's photos (AUROC {strangers.auroc:.3f})."""


def distance_section(ensemble: Ensemble) -> str:
    """Returns the section on the output `distance`."""
    several = len(ensemble.runs) > 1
    told = [
        (f"`{markdown_text(run.directory.resolve().name)}`: " if several else "") + _measured(means)
        for run in ensemble.runs
        for means in run.class_means
    ]
    averaged = (
        "\nIt is the mean of the distances of what is averaged, each in its own unit.\n"
        if ensemble.averages
        else ""
    )
    return f"""\
`distance` is how far a photo lies from the nearest class in the model's features. 1 is the distance
that {QUANTILE:.0%} of the measured photos keep; a photo of something else lies farther on average.
{averaged}
{chr(10).join(told)}

Look-alike classes are the hardest strangers. The network was trained on the classes that were taken
out, unless its backbone is frozen, so classes that it has never seen may be told less well."""


def _measured(means: ClassMeans) -> str:
    if not len(means.known):
        return "It could not be measured: every class has a single photo."
    alone = "" if means.split == "val" else ", in cross-validation"
    return (
        f"It was measured on {len(means.known):,} {KINDS[means.split]} photos{alone}. With every "
        f"class in turn taken out, it told that class's photos from the others with an AUROC of "
        f"{auroc(means.known, means.others):.3f} (0.5 is chance, 1 perfect)."
    )
