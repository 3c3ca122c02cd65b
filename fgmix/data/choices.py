"""Names that flags offer, where TensorFlow need not be imported to list them."""

AUGMENTATIONS = ("none", "pad_crop", "random_resized_crop", "trivial")
"""The keys of `fgmix.data.augment.registry.AUGMENTATIONS`."""
PREPARE = ("auto", "reduced", "never")
CACHES = ("none", "memory")
