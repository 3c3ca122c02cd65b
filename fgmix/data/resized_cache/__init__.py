"""The resized cache: smaller versions of large training images on disk."""
