"""Converts records of runs to those of version 0.1."""

BESIDE_FLAGS = {
    "optimizer": "optimizer",
    "warmup_epochs": "warmup_epochs",
    "label_smoothing": "label_smoothing",
    "dropout": "dropout",
    "bn": "bn",
    "frozen_stride": "frozen_stride",
    "ema": "ema",
    "progressive_share": "small_share",
    "progressive_scale": "small_scale",
}
"""Settings without a flag in version 0.1, and the names they had."""


def as_written_by_0_1(record):
    """Converts a record to the one that version 0.1 would have written for the same run."""
    record["recipe"] = {old: record["config"].pop(new) for new, old in BESIDE_FLAGS.items()}
    record["recipe"] |= {"mixing": "none", "mixing_alpha": 0.2}
    del record["config"]["finetune"]
    if sizes := record["data"].pop("fingerprint_of_sizes", None):
        record["data"]["fingerprint"] = sizes
    return record
