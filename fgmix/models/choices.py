"""Names that flags offer and layers take, where Keras need not be imported to list them."""

from collections.abc import Collection

from fgmix.errors import FgmixError

GATES = ("linear", "sigmoid", "softmax")
POOLINGS = ("flatten", "avg")
HEAD_BN = ("after", "both")
BATCH_NORM = ("train", "frozen")
GATED = ("spatial", "mixed")
"""The attentions that have a gate."""


def require(what: str, value: str, known: Collection[str]) -> None:
    """Refuses a name that is not among the known ones.

    Raises:
        FgmixError: With the known ones.
    """
    if value not in known:
        raise FgmixError(f"unknown {what} {value!r}: choose one of {', '.join(known)}")
