"""Augmentations: random changes of training images."""
