"""The values that flags offer, checked without importing TensorFlow."""

from dataclasses import dataclass

from fgmix.errors import FgmixError

FORMATS = ("savedmodel", "onnx", "litert")
QUANTIZATIONS = ("none", "int8")
TARGETS = ("precision", "coverage")
TOP = 5
"""The default number of labels in a prediction."""


@dataclass(frozen=True)
class Target:
    """The precision or coverage that a threshold is to reach on the validation images.

    Attributes:
        kind: A name from `TARGETS`.
        value: The share.

    Raises:
        FgmixError: If the share is not between 0 and 1.
    """

    kind: str
    value: float

    def __post_init__(self) -> None:
        if not 0 < self.value < 1:
            raise FgmixError(f"--{self.kind}-target {self.value:g}: must be between 0 and 1")

    def __str__(self) -> str:
        return f"{self.kind} {self.value:g}"

    @classmethod
    def of(cls, **given: float | None) -> "Target | None":
        """Returns the target that is given; None if none is.

        Args:
            **given: The share of each kind from `TARGETS`, or None.

        Raises:
            FgmixError: If both are given.
        """
        targets = [cls(kind, value) for kind, value in given.items() if value is not None]
        if len(targets) > 1:
            raise FgmixError("a threshold has one target: give a precision or a coverage")
        return targets[0] if targets else None


def check_unknown(unknown: float | None, quantize: str) -> None:
    """Checks the share of `--unknown-target`.

    Raises:
        FgmixError: If it is not between 0 and 1, or the export has no distance.
    """
    if unknown is not None and not 0 < unknown < 1:
        raise FgmixError(f"--unknown-target {unknown:g}: must be between 0 and 1")
    if unknown is not None and quantize == "int8":
        raise FgmixError("--unknown-target needs the distance, which --quantize int8 has not")


def check_top_k(top_k: int) -> None:
    """Raises `FgmixError` if answers would have no label."""
    if top_k < 1:
        raise FgmixError(f"--top-k {top_k}: must be at least 1")


def check_quantize(quantize: str, model_format: str) -> None:
    """Raises `FgmixError` if a quantization is unknown, or not one of a format."""
    if quantize not in QUANTIZATIONS:
        raise FgmixError(f"quantize {quantize!r}: choose one of {', '.join(QUANTIZATIONS)}")
    if quantize != QUANTIZATIONS[0] and model_format != "litert":
        raise FgmixError(f"--quantize {quantize} is for --format litert, not {model_format}")
