"""Decodes image files: a single decode path for training, evaluation and serving."""
