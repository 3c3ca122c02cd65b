"""The names that flags accept, listed without importing TensorFlow."""

AUGMENTATIONS = ("none", "pad_crop", "random_resized_crop", "trivial")
"""The keys of `fgmix.data.augment.registry.AUGMENTATIONS`."""
PREPARE = ("auto", "reduced", "never")
CACHES = ("none", "memory")
