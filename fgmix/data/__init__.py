"""Data: from image files on disk to batches of tensors."""
