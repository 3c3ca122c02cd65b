"""Names that flags offer and layers take, where Keras need not be imported to list them."""

GATES = ("linear", "sigmoid", "softmax")
POOLINGS = ("flatten", "avg")
HEAD_BN = ("after", "both")
GATED = ("spatial", "mixed")
"""The attentions that have a gate."""
