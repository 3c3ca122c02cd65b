"""The names that flags and layers accept, listed without importing Keras."""

from collections.abc import Collection

from fgmix.errors import FgmixError

GATES = ("linear", "sigmoid", "softmax")
POOLINGS = ("flatten", "avg")
HEADS = ("paper", "linear")
FEATURE_MAPS = ("last", "levels")
HEAD_BN = ("after", "both")
BATCH_NORM = ("train", "frozen")
INTERPOLATIONS = ("none", "auto")
VIEWS = {"none": 1, "flip": 2}
"""The number of views of an image that each test-time augmentation averages."""
TTA = tuple(VIEWS)
"""Test-time augmentations; the first one is the default."""
GATED = ("spatial", "mixed")
"""The attentions that use a gate."""


def require(what: str, value: str, known: Collection[str]) -> None:
    """Checks that a name is a known one.

    Args:
        what: What is named, for the message: `"attention"`.
        value: The name.
        known: The known names.

    Raises:
        FgmixError: If the name is unknown. The message lists the known names.
    """
    if value not in known:
        raise FgmixError(f"unknown {what} {value!r}: choose one of {', '.join(known)}")
