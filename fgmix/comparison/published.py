"""The numbers of the paper's Tables I and II, as printed there."""

from dataclasses import dataclass

from fgmix.models.choices import GATES

# Our backbones that are base models of the paper.
BASE_MODELS = {"vgg16_bn": "VGG16", "resnet50_torch": "ResNet-50"}

KIN = BASE_MODELS | {"vgg16": "VGG16", "resnet50": "ResNet-50"}
"""The base model of which a backbone is the same or a variant, close enough for planning."""

METHODS = {
    "none": "Baseline",
    "channel": "CA",
    "spatial": "SA-Ours",
    "mixed": "MA-Ours",
    "conv": "conv (control)",
    "cbam": "CBAM (rival)",
}
"""The paper's names of our attentions; the last two are not in the paper."""


def method_name(attention: str, gate: str = "") -> str:
    """Returns the paper's name of an attention, with its gate if the paper does not use it."""
    name = METHODS.get(attention, attention)
    return name if gate in ("", GATES[0]) else f"{name}, {gate} gate"


@dataclass(frozen=True)
class PublishedSet:
    """The paper's results on one data set.

    Attributes:
        title: Its name in the paper.
        classes: The number of classes.
        images: The number of images of each split.
        top1: Table II in percent, by base model and attention.
    """

    title: str
    classes: int
    images: dict[str, int]
    top1: dict[tuple[str, str], float]


PUBLISHED = {
    "cars": PublishedSet(
        title="Stanford Cars-196",
        classes=196,
        images={"train": 8144, "test": 8041},
        top1={
            ("VGG16", "none"): 87.9866,
            ("VGG16", "channel"): 88.7452,
            ("VGG16", "spatial"): 88.6084,
            ("VGG16", "mixed"): 88.8944,
            ("ResNet-50", "none"): 88.1358,
            ("ResNet-50", "channel"): 88.2850,
            ("ResNet-50", "spatial"): 88.4218,
            ("ResNet-50", "mixed"): 88.7949,
        },
    ),
    "aircraft": PublishedSet(
        title="FGVC-Aircraft",
        classes=100,
        images={"train": 6667, "test": 3333},
        top1={
            ("VGG16", "none"): 86.4986,
            ("VGG16", "channel"): 86.9787,
            ("VGG16", "spatial"): 88.5089,
            ("VGG16", "mixed"): 88.6289,
            ("ResNet-50", "none"): 86.8887,
            ("ResNet-50", "channel"): 86.8287,
            ("ResNet-50", "spatial"): 87.1587,
            ("ResNet-50", "mixed"): 87.0987,
        },
    ),
}


@dataclass(frozen=True)
class TableOneRow:
    """One row of Table I (FGVC-Aircraft).

    Attributes:
        method: As printed.
        base: The base model.
        top1: Percent, as printed.
        attention: Our name of the method; None if the paper cites another paper.
        note: A remark for readers.
    """

    method: str
    base: str
    top1: float
    attention: str | None = None
    note: str = ""


TABLE_ONE = (
    TableOneRow("BoT(+BBox)", "VGG16", 88.4, note="uses bounding boxes"),
    TableOneRow("B-CNN", "VGG16", 84.1),
    TableOneRow("Low-Rank B-CNN", "VGG16", 87.3),
    TableOneRow("Kernel-Activation", "VGG16", 88.3),
    TableOneRow("Kernel-Pooling", "VGG16", 86.9),
    TableOneRow("SA-Ours", "VGG16", 88.5, "spatial"),
    TableOneRow("MA-Ours", "VGG16", 88.6, "mixed"),
    TableOneRow("Kernel-Pooling", "ResNet-50", 85.7),
    TableOneRow("SA-Ours", "ResNet-50", 87.1, "spatial"),
    TableOneRow(
        "MA-Ours",
        "ResNet-50",
        86.7,
        "mixed",
        note="the paper contradicts itself: its Table II has 87.0987 for the same cell",
    ),
)
