"""Sources of images and labels, one per file."""
