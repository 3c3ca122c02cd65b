"""The names that settings of a run accept."""

NAMED_WEIGHTS = ("imagenet", "none")
PRECISIONS = ("auto", "float32", "bfloat16", "float16")
OPTIMIZERS = ("sgd", "adamw")
CLASS_WEIGHTS = ("none", "balanced")
