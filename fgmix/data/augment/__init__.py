"""Augmentations: what training images are varied by."""
